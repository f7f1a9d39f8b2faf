//! Options of reading an input.

use std::ops::Range;

use super::fields::Keys;
use crate::build::left_out::BadRecords;
use crate::reading::opener::Opening;
use crate::reading::source::OnSignal;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One record per line, or an array of records.
    Jsonl,
    /// One document.
    Text,
}

impl Format {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "jsonl" => Some(Self::Jsonl),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Options of reading a file.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    pub format: Format,
    pub keys: Keys,
    /// The source of documents whose record has none.
    pub default_source: String,
    /// The text before the number in the id of a record that has no id.
    pub id_prefix: String,
    /// The id of the document of a text file.
    pub text_id: String,
    pub bad_records: BadRecords,
    /// For a shard, the bytes at which a line of JSONL must start to be read. A file that cannot be cut belongs to the
    /// shard with its first byte.
    pub lines: Option<Range<u64>>,
    pub on_signal: OnSignal,
}

impl IngestOptions {
    pub(super) fn opening(&self, memory_limit: Option<u64>) -> Opening {
        Opening {
            memory_limit,
            on_signal: self.on_signal,
        }
    }
}
