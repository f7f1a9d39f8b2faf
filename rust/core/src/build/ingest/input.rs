//! Inputs, and how they are read.

use std::ops::Range;

use super::fields::Keys;
use crate::build::left_out::BadRecords;
use crate::reading::opener::Opening;
use crate::reading::source::OnSignal;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A record a line, or an array of records.
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

/// What to make of a file.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    pub format: Format,
    pub keys: Keys,
    /// The source of documents for which the keys give none.
    pub default_source: String,
    /// In front of the number that is the id of a record for which the keys give none.
    pub id_prefix: String,
    /// The id of the document that a text file is.
    pub text_id: String,
    pub bad_records: BadRecords,
    /// Only the lines of JSONL that begin at one of these bytes, for a share of a file. A file that cannot be cut goes to
    /// the share that contains its first byte.
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
