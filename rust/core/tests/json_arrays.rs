//! A file that is one JSON array is read element by element.

use std::fs;

use proptest::prelude::*;
use quotetune_core::error::Result;
use quotetune_core::reading::opener::{Opening, Text};
use quotetune_core::reading::records::Records;
use quotetune_core::reading::source::Input;
use serde_json::Value;

/// Number, line and bytes of each record.
fn records(json: &[u8]) -> Result<Vec<(u64, u64, Vec<u8>)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, json).unwrap();
    let opening = Opening {
        memory_limit: None,
        on_signal: || true,
    };
    let mut records = Records::new(Text::open(&Input::File(path), opening)?)?;
    let mut all = Vec::new();
    while let Some(record) = records.next_record()? {
        all.push((record.number, record.line, record.bytes));
    }
    Ok(all)
}

#[test]
fn an_array_is_read_element_by_element_with_numbers_and_lines() {
    let json = b"\xEF\xBB\xBF \n[\n  {\"a\": \"],[\\\"\"},\n\n  {\"b\":\n [1, {}]} , 3]\n\n";
    let expected: [(u64, u64, &[u8]); 3] = [
        (1, 3, b"{\"a\": \"],[\\\"\"}"),
        (2, 5, b"{\"b\":\n [1, {}]}"),
        (3, 6, b"3"),
    ];
    let found = records(json).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|(n, line, bytes)| (*n, *line, &bytes[..]))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(records(b" [ ] \n").unwrap(), []);
    // A comma too many is an element too many: the parser refuses it.
    assert_eq!(records(b"[1,]").unwrap().len(), 2);
}

#[test]
fn an_array_that_is_cut_or_goes_on_is_an_error() {
    let json = b"[{\"text\": \"a\"}, {\"text\": \"b\"}]";
    for length in 1..json.len() {
        let error = records(&json[..length]).unwrap_err().to_string();
        assert!(
            error.contains("a.json:1: a JSON array without its end: "),
            "{error}"
        );
    }
    let error = records(b"[{}]\n[{}]").map(|found| found.len());
    assert_eq!(
        error.unwrap(),
        2,
        "the first line is an array by itself: these are lines"
    );
    let error = records(b"[{},\n{}] 5").unwrap_err().to_string();
    assert!(
        error.contains("a.json:2: text after the end of a JSON array"),
        "{error}"
    );
    let error = records(b"[}]").unwrap_err().to_string();
    assert!(error.contains("a } without its {"), "{error}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[\\[\\]{},:\"\\\\ \n\u{e9}a]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = "[\\[\\]{},\"a]{0,3}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::from_iter(map.into_iter())),
        ]
    })
}

fn in_lines(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

proptest! {
    #[test]
    fn the_elements_of_an_array_are_those_that_a_parser_of_all_of_it_finds(
        values in prop::collection::vec(value(), 0..6),
        pretty: bool,
    ) {
        let array = Value::from(values.clone());
        let json = if pretty { in_lines(&array) } else { array.to_string() };
        let found = records(json.as_bytes()).unwrap();
        prop_assert_eq!(found.len(), values.len());
        for (at, ((number, line, bytes), value)) in found.iter().zip(&values).enumerate() {
            prop_assert_eq!(*number, at as u64 + 1);
            prop_assert_eq!(&serde_json::from_slice::<Value>(bytes).unwrap(), value);
            let before: u64 = values[..at].iter().map(|v| in_lines(v).lines().count() as u64).sum();
            prop_assert_eq!(*line, if pretty { 2 + before } else { 1 });
        }
    }
}
