//! What becomes of records that are no documents, or not new ones.

#[allow(dead_code, reason = "each test file uses its part")]
mod ingesting;

use std::collections::BTreeMap;
use std::fs;

use ingesting::{Site, options, skipping};
use quotetune_core::build::ingest::{self, IngestOptions};
use quotetune_core::build::left_out::{BadRecord, Duplicates};
use quotetune_core::build::options::BuildOptions;
use quotetune_core::change::{Addition, ChangeOptions, merge};
use quotetune_core::reading::source::Input;
use quotetune_core::store::manifest::RecordKeys;

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
        error.contains("was already given, at in.jsonl:1: ")
            && error.contains("--duplicates first"),
        "{error}"
    );
}

#[test]
fn a_thousand_bad_records_without_a_good_one_are_an_error_that_shows_the_first() {
    let site = Site::new();
    let bad = |count: usize| "\n".to_owned() + &"{\"body\": \"a\"}\n".repeat(count);
    let good = "{\"text\": \"a\"}\n";
    let expected = "in.jsonl:2: no key \"text\", and none of the first 1,000 records can be read: name the key";
    let error = site.error(&(bad(1000) + good), &skipping());
    assert!(error.starts_with(expected), "{error}");
    site.build(&(bad(999) + good + &bad(5000)), &skipping())
        .unwrap();
    for count in [1, 999] {
        let error = site.error(&bad(count), &skipping());
        let expected = "in.jsonl:2: no key \"text\", and none of the records can be read: ";
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
        "rows:1: no text, and none of the first 1,000 records can be read: give one"
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
        error.contains("is already in") && error.contains("--duplicates first"),
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
            None,
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
