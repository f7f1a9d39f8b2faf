//! An input file and the index that is built of it.

use std::fs;

use quotetune_core::build::builder::Builder;
use quotetune_core::build::ingest::{self, Format, IngestOptions, Key, Keys, SourceName};
use quotetune_core::build::left_out::BadRecords;
use quotetune_core::build::options::BuildOptions;
use quotetune_core::error::Result;
use quotetune_core::query::Index;
use quotetune_core::reading::source::Input;
use quotetune_core::store::manifest::Manifest;
use tempfile::TempDir;

pub fn key(name: &str) -> Key {
    Key {
        name: name.to_owned(),
        required: false,
    }
}

pub fn options() -> IngestOptions {
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

pub fn skipping() -> IngestOptions {
    IngestOptions {
        bad_records: BadRecords::Skip,
        ..options()
    }
}

/// A folder with an input and an index to be built of it.
pub struct Site(pub TempDir);

impl Site {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn builder(&self, build: BuildOptions) -> Builder {
        let build = BuildOptions {
            threads: 2,
            ..build
        };
        Builder::create(&self.0.path().join("index"), build).unwrap()
    }

    pub fn read(&self, builder: &mut Builder, text: &str, options: &IngestOptions) -> Result<()> {
        let path = self.0.path().join("in.jsonl");
        fs::write(&path, text).unwrap();
        ingest::ingest(builder, &Input::File(path), options, |_| Ok(()))
    }

    pub fn build(&self, text: &str, options: &IngestOptions) -> Result<Manifest> {
        let mut builder = self.builder(BuildOptions {
            overwrite: true,
            ..BuildOptions::default()
        });
        self.read(&mut builder, text, options)?;
        builder.finish(|_| Ok(()))
    }

    /// The words of the error behind the folder.
    pub fn error(&self, text: &str, options: &IngestOptions) -> String {
        let error = self.build(text, options).unwrap_err().to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }

    /// The text and the metadata of a document, if it is there.
    pub fn document(&self, source: &str, id: &str) -> Option<(String, String)> {
        let index = Index::open(&self.0.path().join("index")).unwrap();
        let found = index.document(source, id).ok()?;
        Some((found.text.into_owned(), found.record.metadata.to_owned()))
    }

    pub fn metadata(&self, record: &str, keys: &[&str]) -> String {
        let mut options = options();
        options.keys.metadata = keys.iter().map(|&key| key.to_owned()).collect();
        self.build(record, &options).unwrap();
        self.document("in", "1").unwrap().1
    }
}
