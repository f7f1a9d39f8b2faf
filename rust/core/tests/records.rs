//! What becomes of the records of JSONL: documents, by fields and paths.

#[allow(dead_code, reason = "each test file uses its part")]
mod ingesting;

use std::collections::BTreeMap;

use ingesting::{Site, key, options, skipping};
use proptest::prelude::*;
use quotetune_core::build::ingest::SourceName;
use serde_json::{Value, json};

#[test]
fn a_path_leads_into_objects_and_a_field_of_the_whole_name_comes_first() {
    let site = Site::new();
    let record = r#"{"text": "t", "meta": {"url": "u", "a": {"b": [1.50, 1e400]}}, "x.y": 1, "x": {"y": 2, "z": 3}, "n": null}"#;
    for (key, expected) in [
        ("meta.url", r#"{"meta.url":"u"}"#),
        ("meta.a.b", r#"{"meta.a.b":[1.50,1e+400]}"#),
        ("x.y", r#"{"x.y":1}"#),
        ("x.z", r#"{"x.z":3}"#),
        ("n", r#"{"n":null}"#),
        ("n.n", "{}"),
        ("meta.", "{}"),
        ("text.a", "{}"),
    ] {
        assert_eq!(site.metadata(record, &[key]), expected);
    }
    assert_eq!(
        site.metadata(record, &["meta.url", "x.z", "x"]),
        r#"{"meta.url":"u","x.z":3,"x":{"y":2,"z":3}}"#
    );
}

#[test]
fn text_id_and_source_are_found_by_paths_too() {
    let site = Site::new();
    let mut options = options();
    options.keys.text = "a.text".to_owned();
    options.keys.id = Some(key("a.n"));
    options.keys.source = SourceName::Key(key("b.set"));
    let record = r#"{"a": {"text": "t", "n": 7}, "b": {"set": "Wiki"}}"#;
    site.build(record, &options).unwrap();
    assert_eq!(site.document("Wiki", "7").unwrap().0, "t");
    let error = site.error(r#"{"a": {"n": 7}}"#, &options);
    assert!(
        error.starts_with(r#"in.jsonl:1: no key "a.text": "#),
        "{error}"
    );
}

/// The rule in words: the whole name, or else a part of it that is an object's, the shortest first.
fn reach<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    if let Some(found) = object.get(path) {
        return Some(found);
    }
    let parts: Vec<&str> = path.split('.').collect();
    (1..parts.len()).find_map(|at| {
        let (first, rest) = (parts[..at].join("."), parts[at..].join("."));
        reach(object.get(&first)?, &rest)
    })
}

fn nested() -> impl Strategy<Value = Value> {
    let leaf = (0..100u32).prop_map(Value::from);
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop::collection::btree_map("[ab]?(\\.[ab]?){0,2}", inner, 0..4).prop_map(Value::from_iter)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn paths_lead_to_what_a_walk_over_the_whole_record_finds(
        values in prop::collection::vec(nested(), 8),
        keys in prop::collection::btree_set("[ab]?(\\.[ab]?){0,3}", 1..5),
    ) {
        let site = Site::new();
        let mut options = options();
        options.keys.metadata = keys.iter().cloned().collect();
        let records: Vec<Value> = values.into_iter().filter(Value::is_object).map(|mut value| {
            value["text"] = json!("t");
            value
        }).collect();
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        prop_assume!(!records.is_empty());
        site.build(&lines, &options).unwrap();
        for (at, record) in records.iter().enumerate() {
            let (_, metadata) = site.document("in", &(at + 1).to_string()).unwrap();
            let expected = keys.iter().filter_map(|key| Some((key.clone(), reach(record, key)?.clone())));
            let expected: BTreeMap<String, Value> = expected.collect();
            prop_assert_eq!(serde_json::from_str::<BTreeMap<String, Value>>(&metadata).unwrap(), expected);
        }
    }
}

#[test]
fn numbers_that_json_has_not_are_passed_over_null_or_refused() {
    let site = Site::new();
    let record = r#"{"text": "NaN", "p": NaN, "q": [-Infinity, {"r": Infinity}], "s": "Infinity"}"#;
    assert_eq!(site.metadata(record, &[]), "{}");
    assert_eq!(
        site.metadata(record, &["p", "q", "s"]),
        r#"{"p":null,"q":[null,{"r":null}],"s":"Infinity"}"#
    );
    assert_eq!(site.document("in", "1").unwrap().0, "NaN");
    for (record, expected) in [
        (r#"{"text": NaN}"#, r#""text" is a number, not a string"#),
        (
            r#"{"text": "a", "id": -Infinity}"#,
            r#""id" is a number, not a string or an integer"#,
        ),
        (
            r#"{"text": "a", "source": NaN}"#,
            r#""source" is a number, not"#,
        ),
        (r#"{"text": "a", "p": NaN,}"#, "malformed JSON: "),
        (r#"{"text": "a", "p": nan}"#, "malformed JSON: "),
    ] {
        let error = site.error(record, &options());
        assert!(
            error.starts_with(&format!("in.jsonl:1: {expected}")),
            "{error}"
        );
    }
}

#[test]
fn an_id_is_an_integer_of_any_size_or_a_string() {
    let site = Site::new();
    for (id, expected) in [
        ("-9223372036854775809", "-9223372036854775809"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        ("-0", "0"),
        ("\"007\"", "007"),
        ("null", "1"),
    ] {
        site.build(&format!(r#"{{"text": "t", "id": {id}}}"#), &options())
            .unwrap();
        assert!(site.document("in", expected).is_some(), "{id}");
    }
    for (id, kind) in [
        ("1e3", "a number"),
        ("1.0", "a number"),
        ("true", "a boolean"),
        ("[1]", "a list"),
    ] {
        let error = site.error(&format!(r#"{{"text": "t", "id": {id}}}"#), &options());
        assert!(
            error.contains(&format!("\"id\" is {kind}, not a string or an integer")),
            "{error}"
        );
    }
}

#[test]
fn ids_are_numbers_of_lines_behind_a_prefix_where_no_key_gives_them() {
    let site = Site::new();
    let mut options = options();
    options.id_prefix = "b/in:".to_owned();
    let text = "\n{\"text\": \"t\"}\n{\"text\": \"u\", \"id\": \"own\"}\n";
    site.build(text, &options).unwrap();
    assert!(site.document("in", "b/in:2").is_some() && site.document("in", "own").is_some());
    options.keys.id = None;
    site.build(text, &options).unwrap();
    assert!(site.document("in", "b/in:3").is_some() && site.document("in", "own").is_none());
    site.build("[{\"text\": \"t\"},\n\n{\"text\": \"u\"}]", &options)
        .unwrap();
    assert_eq!(site.document("in", "b/in:2").unwrap().0, "u");
}

#[test]
fn a_place_in_an_array_is_the_number_of_its_object() {
    let site = Site::new();
    let error = site.error("[{\"text\": \"t\"},\n\n{\"id\": 1}]", &options());
    assert!(
        error.starts_with("in.jsonl: object 2: no key \"text\": "),
        "{error}"
    );
    let error = site.error("[{\"text\": \"t\"},\n\n{\"text\":\n}]", &options());
    assert!(
        error.contains("object 2: malformed JSON: expected value at line 4, column 1"),
        "{error}"
    );
}

/// The number of an object may be that of its line by chance; a column counts from the start of a line.
#[test]
fn a_fault_in_an_array_names_its_line_of_the_file() {
    let site = Site::new();
    let text = "[{\"text\": \"t\"},\n{\"text\": \"u\"},\n   {\"text\": x}]";
    let error = site.error(text, &options());
    assert!(
        error.contains("object 3: malformed JSON: expected value at line 3: "),
        "{error}"
    );
    for text in [
        "[{\"text\": \"t\"},]",
        "[{\"text\": \"t\"}, ,{\"text\": \"u\"}]",
    ] {
        let error = site.error(text, &options());
        assert!(
            error.contains("object 2: an empty element of an array: "),
            "{error}"
        );
    }
    let error = site.error("{\"text\": x}", &options());
    assert!(
        error.contains("in.jsonl:1: malformed JSON: expected value at column 10: "),
        "{error}"
    );
}

#[test]
fn an_object_over_several_lines_is_refused_with_its_reason() {
    let site = Site::new();
    for text in [
        "{\n  \"text\": \"a\"\n}\n",
        "{\"text\": \"a\"\n}\n",
        "{\"text\": \"a\",\n \"b\": 1}",
    ] {
        for options in [options(), skipping()] {
            let error = site.error(text, &options);
            let expected = "in.jsonl:1: malformed JSON: an object that does not end in its line";
            assert!(
                error.starts_with(expected) && error.contains("jq -c"),
                "{error}"
            );
        }
    }
}
