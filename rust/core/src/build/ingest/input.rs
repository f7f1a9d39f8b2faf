//! Inputs, and how they are read.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::encoding::InvalidText;
use super::record::Keys;

/// Options for reading the records of a file.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    pub keys: Keys,
    pub invalid_text: InvalidText,
    /// Read only the lines of JSONL that start at one of these bytes, for a shard of a file.
    pub lines: Option<Range<u64>>,
}

/// The origin of JSONL.
#[derive(Clone, Debug)]
pub enum Input {
    File(PathBuf),
    Stdin,
}

impl Input {
    /// Returns the name used in messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "<stdin>".to_owned(),
        }
    }

    /// Returns the source of documents that name none: the file's name without its extensions.
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

pub(super) fn stem(path: &Path) -> String {
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
