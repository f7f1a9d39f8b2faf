//! What becomes of the records of JSONL: documents by fields and paths, and bad ones by reason.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use quotetune_core::build::builder::Builder;
use quotetune_core::build::ingest::{self, Format, IngestOptions, Key, Keys, SourceName};
use quotetune_core::build::left_out::{BadRecord, BadRecords, Duplicates};
use quotetune_core::build::options::BuildOptions;
use quotetune_core::change::{Addition, ChangeOptions, merge};
use quotetune_core::error::Result;
use quotetune_core::query::Index;
use quotetune_core::reading::source::Input;
use quotetune_core::store::manifest::{Manifest, RecordKeys};
use serde_json::{Value, json};
use tempfile::TempDir;

fn key(name: &str) -> Key {
    Key {
        name: name.to_owned(),
        required: false,
    }
}

fn options() -> IngestOptions {
    IngestOptions {
        format: Format::Jsonl,
        keys: Keys {
            text: "text".to_owned(),
            id: Some(key("id")),
            source: SourceName::Key(key("source")),
            metadata: Vec::new(),
        },
        default_source: "in".to_owned(),
        id_prefix: String::new(),
        text_id: "1".to_owned(),
        bad_records: BadRecords::Strict,
        lines: None,
        on_signal: || true,
    }
}

fn skipping() -> IngestOptions {
    IngestOptions {
        bad_records: BadRecords::Skip,
        ..options()
    }
}

/// A folder with an input and an index to be built of it.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn builder(&self, build: BuildOptions) -> Builder {
        let build = BuildOptions {
            threads: 2,
            ..build
        };
        Builder::create(&self.0.path().join("index"), build).unwrap()
    }

    fn read(&self, builder: &mut Builder, text: &str, options: &IngestOptions) -> Result<()> {
        let path = self.0.path().join("in.jsonl");
        fs::write(&path, text).unwrap();
        ingest::ingest(builder, &Input::File(path), options, |_| Ok(()))
    }

    fn build(&self, text: &str, options: &IngestOptions) -> Result<Manifest> {
        let mut builder = self.builder(BuildOptions {
            overwrite: true,
            ..BuildOptions::default()
        });
        self.read(&mut builder, text, options)?;
        builder.finish(|_| Ok(()))
    }

    /// The words of the error behind the folder.
    fn error(&self, text: &str, options: &IngestOptions) -> String {
        let error = self.build(text, options).unwrap_err().to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }

    /// The text and the metadata of a document, if it is there.
    fn document(&self, source: &str, id: &str) -> Option<(String, String)> {
        let index = Index::open(&self.0.path().join("index")).unwrap();
        let found = index.document(source, id).ok()?;
        Some((found.text.to_owned(), found.record.metadata.to_owned()))
    }

    fn metadata(&self, record: &str, keys: &[&str]) -> String {
        let mut options = options();
        options.keys.metadata = keys.iter().map(|&key| key.to_owned()).collect();
        self.build(record, &options).unwrap();
        self.document("in", "1").unwrap().1
    }
}

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
        error.starts_with(r#"in.jsonl:1: no key "a.text"; "#),
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
        prop::collection::btree_map("[ab]?(\\.[ab]?){0,2}", inner, 0..4)
            .prop_map(|map| Value::from_iter(map))
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
        error.starts_with("in.jsonl: object 2: no key \"text\"; "),
        "{error}"
    );
    let error = site.error("[{\"text\": \"t\"},\n\n{\"text\":\n}]", &options());
    assert!(
        error.contains("object 2: malformed JSON: expected value at line 4, column 1"),
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

const BAD: &str = "{\"text\": \"one\"}\n{\"text\": null}\n{\"url\": 1}\n{\"text\": \"broken off\n[1]\n\n\
    {\"text\": \"a\\ud800\"}\n{\"text\": \"b\", \"id\": true}\n{\"text\": null}\n{\"text\": \"last\"}\n";

#[test]
fn bad_records_are_left_out_and_counted_by_their_reasons() {
    let site = Site::new();
    let mut builder = site.builder(BuildOptions::default());
    site.read(&mut builder, BAD, &skipping()).unwrap();
    let folder = format!("{}/", site.0.path().display());
    let left_out = builder
        .left_out()
        .iter()
        .map(|(reason, count, place)| (reason.clone(), *count, place.replace(&folder, "")));
    let expected = [
        (r#""text" is null, not a string"#, 2, "in.jsonl:2"),
        (r#"no key "text""#, 1, "in.jsonl:3"),
        ("malformed JSON", 1, "in.jsonl:4"),
        ("no JSON object", 1, "in.jsonl:5"),
        ("a surrogate escape that is no character", 1, "in.jsonl:7"),
        (
            r#""id" is a boolean, not a string or an integer"#,
            1,
            "in.jsonl:8",
        ),
    ];
    let expected =
        expected.map(|(reason, count, place)| (reason.to_owned(), count, place.to_owned()));
    assert_eq!(left_out.collect::<Vec<_>>(), expected);
    let manifest = builder.finish(|_| Ok(())).unwrap();
    assert_eq!(
        (manifest.counts.documents, manifest.counts.skipped_documents),
        (2, 7)
    );
    let reasons = expected.map(|(reason, count, _)| (reason, count));
    assert_eq!(manifest.skipped_reasons, BTreeMap::from(reasons));
    assert_eq!(site.document("in", "10").unwrap().0, "last");
}

#[test]
fn damage_and_duplicates_are_errors_though_bad_records_are_not() {
    let site = Site::new();
    let error = site.error("[{\"text\": \"a\"}, {\"text\": \"b\"}", &skipping());
    assert!(error.contains("a JSON array without its end"), "{error}");
    let twice = "{\"text\": \"a\", \"id\": 1}\n{\"text\": \"b\", \"id\": \"1\"}\n";
    let error = site.error(twice, &skipping());
    assert!(
        error.contains("was given before, at in.jsonl:1; ") && error.contains("--duplicates first"),
        "{error}"
    );
}

#[test]
fn a_thousand_bad_records_without_a_good_one_are_an_error_that_shows_the_first() {
    let site = Site::new();
    let bad = |count: usize| "\n".to_owned() + &"{\"body\": \"a\"}\n".repeat(count);
    let good = "{\"text\": \"a\"}\n";
    let expected = "in.jsonl:2: no key \"text\", and none of the first 1,000 records can be read; name the key";
    let error = site.error(&(bad(1000) + good), &skipping());
    assert!(error.starts_with(expected), "{error}");
    site.build(&(bad(999) + good + &bad(5000)), &skipping())
        .unwrap();
    for count in [1, 999] {
        let error = site.error(&bad(count), &skipping());
        let expected = "in.jsonl:2: no key \"text\", and none of the records can be read; ";
        assert!(error.starts_with(expected), "{error}");
    }
    // Rows that others read count alike.
    let site = Site::new();
    let mut builder = site.builder(BuildOptions::default());
    let bad = || BadRecord::new("no text", "give one");
    for row in 1..1000 {
        builder.skip(format!("rows:{row}"), bad()).unwrap();
    }
    let error = builder.skip("rows:1000".to_owned(), bad()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rows:1: no text, and none of the first 1,000 records can be read; give one"
    );
}

const TWICE: &str = "{\"text\": \"first of all\", \"id\": 1}\n{\"text\": \"other\"}\n{\"text\": \"second of all\", \"id\": \"1\"}\n";

#[test]
fn the_first_of_several_documents_is_kept_in_a_build_and_against_an_index() {
    let site = Site::new();
    let first = BuildOptions {
        duplicates: Duplicates::First,
        ..BuildOptions::default()
    };
    let mut builder = site.builder(first);
    site.read(&mut builder, TWICE, &options()).unwrap();
    let manifest = builder.finish(|_| Ok(())).unwrap();
    let counts = manifest.counts;
    assert_eq!(
        (
            counts.documents,
            counts.duplicate_documents,
            counts.skipped_documents
        ),
        (2, 1, 0)
    );
    // What was left out is in no filter.
    let characters = ["first of all", "other"]
        .map(str::len)
        .iter()
        .sum::<usize>();
    assert_eq!(counts.characters, characters as u64);
    assert_eq!(site.document("in", "1").unwrap().0, "first of all");

    let add = |text: &str, duplicates| {
        let path = site.0.path().join("index");
        let keys = RecordKeys::default();
        let (addition, mut builder) =
            Addition::begin(&path, keys, duplicates, ChangeOptions::default())?;
        site.read(&mut builder, text, &skipping())?;
        addition.finish(builder, |_| Ok(()))
    };
    let more = format!("{TWICE}{{\"text\": \"new\"}}\nbroken\n");
    let error = add(&more, Duplicates::Error).unwrap_err().to_string();
    assert!(
        error.contains("stands in") && error.contains("--duplicates first"),
        "{error}"
    );
    let counts = add(&more, Duplicates::First).unwrap().counts;
    assert_eq!(
        (
            counts.documents,
            counts.duplicate_documents,
            counts.skipped_documents
        ),
        (3, 4, 1)
    );
    assert_eq!(site.document("in", "4").unwrap().0, "new");
    let manifest = add(&more, Duplicates::First).unwrap();
    assert_eq!(manifest.counts.documents, 3, "nothing new is no error");
    assert_eq!(
        manifest.skipped_reasons,
        BTreeMap::from([("malformed JSON".to_owned(), 1)])
    );
}

#[test]
fn an_index_says_how_it_was_made_and_one_of_before_says_nothing_more() {
    let site = Site::new();
    let plain = site
        .build("{\"text\": \"a\"}\n", &options())
        .unwrap()
        .to_json();
    for word in [
        "identity",
        "skipped_reasons",
        "duplicate_documents",
        "numbered",
    ] {
        assert!(!plain.contains(word), "{word}");
    }
    let build = |name: &str, identity: Option<&str>| {
        let site = Site::new();
        let mut builder = site.builder(BuildOptions {
            identity: identity.map(str::to_owned),
            ..BuildOptions::default()
        });
        let mut options = skipping();
        options.default_source = name.to_owned();
        site.read(
            &mut builder,
            &(BAD.replace("id\": true", "id\": 5")),
            &options,
        )
        .unwrap();
        builder.finish(|_| Ok(())).unwrap();
        site
    };
    let (a, b, c) = (
        build("a", Some("path")),
        build("b", Some("path")),
        build("c", None),
    );
    let merged = |sites: &[&Site]| {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = sites
            .iter()
            .map(|site| site.0.path().join("index"))
            .collect();
        merge(
            &paths,
            &folder.path().join("index"),
            false,
            ChangeOptions::default(),
            |_| Ok(()),
        )
        .unwrap()
    };
    let same = merged(&[&a, &b]);
    assert_eq!(same.identity.as_deref(), Some("path"));
    assert_eq!(same.skipped_reasons[r#""text" is null, not a string"#], 4);
    assert_eq!(merged(&[&a, &c]).identity, None);
}

#[test]
fn only_the_share_with_the_first_byte_reads_a_file_that_cannot_be_cut() {
    let site = Site::new();
    let text = "{\"text\": \"a\"}\n{\"text\": \"b\"}\n";
    let array = "[{\"text\": \"a\"},\n {\"text\": \"b\"}]";
    let marked: Vec<u8> = format!("\u{FEFF}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let gz = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for (bytes, is_cuttable) in [
        (text.as_bytes(), true),
        (format!("\u{FEFF}{text}").as_bytes(), true),
        (array.as_bytes(), false),
        (&marked, false),
        (&gz, false),
    ] {
        let path = site.0.path().join("in.jsonl");
        fs::write(&path, bytes).unwrap();
        let count = |lines| {
            let mut builder = site.builder(BuildOptions {
                overwrite: true,
                ..BuildOptions::default()
            });
            let options = IngestOptions {
                lines: Some(lines),
                ..options()
            };
            ingest::ingest(&mut builder, &Input::File(path.clone()), &options, |_| {
                Ok(())
            })
            .unwrap();
            builder.counts().documents
        };
        let length = bytes.len() as u64;
        for cut in 1..length {
            let counts = (count(0..cut), count(cut..length));
            // A line begins behind the mark.
            let starts = [length - 28, length - 14];
            let before = |start: &&u64| **start < cut;
            let expected = match is_cuttable {
                true => starts.iter().filter(before).count() as u64,
                false => 2,
            };
            let expected = (expected, 2 - expected);
            assert_eq!(counts, expected, "{cut} of {length}");
        }
    }
}
