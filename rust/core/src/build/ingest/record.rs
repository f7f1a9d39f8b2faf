//! Reads one JSON record as a document.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::build::places::{Document, Place};

/// Names of the fields of a record.
#[derive(Clone, Debug)]
pub struct Keys {
    pub text: String,
    /// Field of the id. The id of a record without it is its line number.
    pub id: Key,
    pub source: SourceName,
    /// Fields that make up the metadata. A record may lack some of them.
    pub metadata: Vec<String>,
}

/// A field that records may have.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    /// Whether a record without the field is an error.
    pub required: bool,
}

/// The origin of a document's source.
#[derive(Clone, Debug)]
pub enum SourceName {
    /// The same for all documents.
    Fixed(String),
    /// A field of the record, or else the name of the file.
    Key(Key),
}

/// The values of the fields that `Keys` names.
#[derive(Default)]
struct Fields {
    text: Option<Value>,
    id: Option<Value>,
    source: Option<Value>,
    metadata: Vec<Option<Value>>,
}

/// Reads only the fields that the keys name, and skips the rest.
struct FieldsVisitor<'k>(&'k Keys);

impl<'de> Visitor<'de> for FieldsVisitor<'_> {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let keys = self.0;
        let source_key = match &keys.source {
            SourceName::Key(key) => Some(&key.name),
            SourceName::Fixed(_) => None,
        };
        let mut fields = Fields {
            metadata: vec![None; keys.metadata.len()],
            ..Fields::default()
        };
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            let position = keys.metadata.iter().position(|name| *name == key);
            let is_text = key == keys.text;
            let is_id = key == keys.id.name;
            let is_source = source_key.is_some_and(|name| *name == key);
            if !is_text && !is_id && !is_source && position.is_none() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: Value = map.next_value()?;
            if let Some(position) = position {
                fields.metadata[position] = Some(value.clone());
            }
            if is_id {
                fields.id = Some(value.clone());
            }
            if is_source {
                fields.source = Some(value.clone());
            }
            if is_text {
                fields.text = Some(value);
            }
        }
        Ok(fields)
    }
}

/// The fault of a record, and the remedy.
pub struct BadRecord {
    pub what: String,
    pub remedy: &'static str,
    /// Whether an escape is half of a surrogate pair, which `InvalidText` decides about.
    pub is_surrogate: bool,
}

impl BadRecord {
    fn new(what: String, remedy: &'static str) -> Self {
        Self {
            what,
            remedy,
            is_surrogate: false,
        }
    }
}

/// Reads the document of a line. `input` is the source of records that name none.
pub fn parse(json: &str, keys: &Keys, input: &str, place: Place) -> Result<Document, BadRecord> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = (&mut deserializer)
        .deserialize_map(FieldsVisitor(keys))
        .and_then(|fields| deserializer.end().map(|()| fields))
        .map_err(|error| malformed(&error))?;
    Ok(Document {
        text: text(fields.text, &keys.text)?,
        id: name(fields.id, &keys.id, GIVE_AN_ID)?.unwrap_or_else(|| place.line.to_string()),
        source: match &keys.source {
            SourceName::Key(key) => {
                name(fields.source, key, GIVE_A_SOURCE)?.unwrap_or_else(|| input.to_owned())
            }
            SourceName::Fixed(name) => name.clone(),
        },
        metadata: metadata(&keys.metadata, fields.metadata),
        place,
    })
}

fn malformed(error: &serde_json::Error) -> BadRecord {
    // The line in the message is always 1, since the record is parsed alone.
    let message = error.to_string();
    let (message, _) = message.rsplit_once(" at line ").unwrap_or((&message, ""));
    let column = error.column();
    let surrogate = [
        "surrogate",
        "unicode code point",
        // Nothing but the second half may follow the first half of a pair.
        "unexpected end of hex escape",
    ];
    if surrogate.iter().any(|words| message.contains(words)) {
        return BadRecord {
            what: format!("a surrogate escape that is no character, at column {column}"),
            remedy: "fix the line, or choose --errors replace or skip",
            is_surrogate: true,
        };
    }
    if message.contains("expected a JSON object") {
        return BadRecord::new(message.to_owned(), "write one JSON object per line");
    }
    BadRecord::new(
        format!("malformed JSON: {message} at column {column}"),
        "fix the line or remove it",
    )
}

fn text(value: Option<Value>, key: &str) -> Result<String, BadRecord> {
    match value {
        Some(Value::String(text)) => Ok(text),
        None => Err(BadRecord::new(
            format!("no key {key:?}"),
            "name the key of the text with --text-key",
        )),
        Some(other) => Err(BadRecord::new(
            format!("{key:?} is {}, not a string", kind(&other)),
            "fix the record, or name another key with --text-key",
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
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Some(number.to_string()))
        }
        None | Some(Value::Null) if !key.required => Ok(None),
        None => Err(BadRecord::new(format!("no key {name:?}"), remedy)),
        Some(other) => Err(BadRecord::new(
            format!("{name:?} is {}, not a string or an integer", kind(&other)),
            remedy,
        )),
    }
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
