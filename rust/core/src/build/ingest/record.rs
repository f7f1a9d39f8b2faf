//! Reads one JSON record as a document.

use serde_json::Value;

use super::fields::{self, Fields, Key, Keys, SourceName};
use super::input::IngestOptions;
use super::not_a_number;
use crate::build::left_out::BadRecord;
use crate::build::places::{Document, Place};

/// The reason why a record with an escape of half a character is refused.
pub const SURROGATE: &str = "a surrogate escape that is no character";

/// Reads the document of a record. `line` is the line of its file in which it starts, if it is an element of an array.
pub fn parse(
    json: &str,
    line: Option<u64>,
    options: &IngestOptions,
    place: Place,
) -> Result<Document, BadRecord> {
    let keys = &options.keys;
    let fields = match fields::read(json, keys) {
        Ok(fields) => fields,
        Err(error) => match with_not_a_number(json, keys) {
            Some(fields) => fields,
            None => return Err(malformed(json, &error, line)),
        },
    };
    let id = match &keys.id {
        Some(key) => name(fields.id, key, GIVE_AN_ID)?,
        None => None,
    };
    let source = match &keys.source {
        SourceName::Key(key) => name(fields.source, key, GIVE_A_SOURCE)?,
        SourceName::Fixed(name) => Some(name.clone()),
    };
    Ok(Document {
        text: text(fields.text, &keys.text)?,
        id: id.unwrap_or_else(|| format!("{}{}", options.id_prefix, place.line)),
        source: source.unwrap_or_else(|| options.default_source.clone()),
        metadata: metadata(&keys.metadata, fields.metadata),
        place,
    })
}

/// Returns the fields of a record that is JSON except for NaN or an infinity. They become null in the metadata. As a
/// text, an id or a source, they become numbers, which are refused there.
fn with_not_a_number(json: &str, keys: &Keys) -> Option<Fields> {
    let read = |value: &str| fields::read(&not_a_number::replaced(json, value)?, keys).ok();
    let metadata = read("null")?.metadata;
    Some(Fields {
        metadata,
        ..read("0.5")?
    })
}

fn malformed(json: &str, error: &serde_json::Error, line: Option<u64>) -> BadRecord {
    if json.trim_ascii().is_empty() {
        let remedy = "remove the comma before it, or choose --errors skip";
        return BadRecord::new("an empty element of an array", remedy);
    }
    let message = error.to_string();
    let (message, _) = message.rsplit_once(" at line ").unwrap_or((&message, ""));
    let column = error.column();
    // The line and the column in the parser's message are the record's own. On its first line, an element of an array
    // has something before it.
    let at = match (line, error.line() as u64) {
        (None, _) => format!("column {column}"),
        (Some(first), ..=1) => format!("line {first}"),
        (Some(first), line) => format!("line {}, column {column}", first + line - 1),
    };
    let surrogate = [
        "surrogate",
        "unicode code point",
        // Only the second half of a pair may come after the first.
        "unexpected end of hex escape",
    ];
    if surrogate.iter().any(|words| message.contains(words)) {
        let remedy = "fix the line, or choose --errors replace or skip";
        return BadRecord::new(SURROGATE, remedy).with(format!("{SURROGATE}, at {at}"));
    }
    if message.contains("expected a JSON object") {
        let remedy = "write one JSON object per line, or an array of objects";
        return BadRecord::new("no JSON object", remedy).with(message.to_owned());
    }
    // A line that was cut nearly always ends within a string.
    if error.is_eof() && !message.contains("string") {
        return BadRecord::new(
            "malformed JSON: an object that does not end in its line",
            "write each object in one line (`jq -c .` does), or all of them as one array",
        );
    }
    BadRecord::new(
        "malformed JSON",
        "fix the line or remove it, or choose --errors skip",
    )
    .with(format!("malformed JSON: {message} at {at}"))
}

fn text(value: Option<Value>, key: &str) -> Result<String, BadRecord> {
    match value {
        Some(Value::String(text)) => Ok(text),
        None => Err(BadRecord::new(
            format!("no key {key:?}"),
            "name the key of the text with --text-key, or choose --errors skip",
        )),
        Some(other) => Err(BadRecord::new(
            format!("{key:?} is {}, not a string", kind(&other)),
            "fix the record, name another key with --text-key, or choose --errors skip",
        )),
    }
}

const GIVE_AN_ID: &str = "give every record an id, or name another key with --id-key";
const GIVE_A_SOURCE: &str = "give every record a source, or name another key with --source-key";

/// Returns an id or a source, which is a string or an integer, or None if it is missing and optional.
fn name(
    value: Option<Value>,
    key: &Key,
    remedy: &'static str,
) -> Result<Option<String>, BadRecord> {
    let name = &key.name;
    match value {
        Some(Value::String(name)) => Ok(Some(name)),
        None | Some(Value::Null) if !key.required => Ok(None),
        None => Err(BadRecord::new(format!("no key {name:?}"), remedy)),
        Some(other) => integer(&other).map(Some).ok_or_else(|| {
            let kind = kind(&other);
            let reason = format!("{name:?} is {kind}, not a string or an integer");
            BadRecord::new(reason, remedy)
        }),
    }
}

/// Returns the digits of an integer of any size.
fn integer(value: &Value) -> Option<String> {
    let Value::Number(number) = value else {
        return None;
    };
    let number = number.to_string();
    let digits = number.strip_prefix('-').unwrap_or(&number);
    let is_integer = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_integer.then(|| match digits {
        "0" => "0".to_owned(),
        _ => number.clone(),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns a JSON object of the fields that are present, in the order of the keys.
fn metadata(keys: &[String], values: Vec<Option<Value>>) -> String {
    let fields: Vec<String> = keys
        .iter()
        .zip(values)
        .filter_map(|(key, value)| Some(format!("{}:{}", Value::from(key.as_str()), value?)))
        .collect();
    format!("{{{}}}", fields.join(","))
}
