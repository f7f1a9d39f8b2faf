//! Files of documents: JSONL, plain or compressed, and plain text.

mod encoding;
mod jsonl;
mod reader;
mod record;
mod txt;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::builder::Builder;
use crate::error::Result;

pub use encoding::InvalidText;
pub use record::{Key, Keys, SourceName};

/// Bytes of records handed to the builder at a time.
const BATCH_BYTES: usize = 8 << 20;

/// What to make of the records of a file.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    pub keys: Keys,
    pub invalid_text: InvalidText,
    /// Only the lines of JSONL that begin at one of these bytes, for a share of a file.
    pub lines: Option<Range<u64>>,
}

/// Where JSONL comes from.
#[derive(Clone, Debug)]
pub enum Input {
    File(PathBuf),
    Stdin,
}

impl Input {
    /// How messages name it.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "<stdin>".to_owned(),
        }
    }

    /// The source of documents that name none: the file's name without its endings.
    pub fn source(&self) -> String {
        match self {
            Self::File(path) => stem(path),
            Self::Stdin => "stdin".to_owned(),
        }
    }
}

const ENDINGS: [&str; 7] = [
    ".jsonl",
    ".jsonl.gz",
    ".jsonl.zst",
    ".ndjson",
    ".parquet",
    ".txt",
    ".json",
];

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = ENDINGS
        .iter()
        .filter(|ending| name.ends_with(*ending))
        .max_by_key(|e| e.len());
    match ending.and_then(|ending| name.strip_suffix(ending)) {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => name.into_owned(),
    }
}

/// Add the documents of one input to `builder`.
///
/// A file that ends in `.txt` is one document; any other is JSONL. `progress` is told, after each
/// batch, the bytes read from the disk so far; its error ends the reading.
pub fn ingest(
    builder: &mut Builder,
    input: &Input,
    options: &IngestOptions,
    progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    match input {
        Input::File(path) if path.extension().is_some_and(|ending| ending == "txt") => {
            txt::ingest(builder, path, options, progress)
        }
        _ => jsonl::ingest(builder, input, options, progress),
    }
}
