//! What an index is to become: documents in their order, cut into segments, and the filters over them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::filters::Filter;
use crate::build::budget::Budget;
use crate::error::Result;
use crate::filter::sizing::Sizing;
use crate::store::documents::Documents;
use crate::store::header::Parameters;
use crate::store::manifest::{FilterEntry, SegmentEntry};
use crate::store::segment::{SegmentText, WrittenSegment};
use crate::suffix::text_index::Suffixes;

/// A run of documents whose text is written.
#[derive(Clone, Debug)]
pub struct Part {
    pub segment: WrittenSegment,
    /// The segment in its directory, if its suffix array is made.
    pub(super) finished: Option<(PathBuf, SegmentEntry)>,
    /// Documents to leave out, ascending.
    pub(super) removed: Vec<usize>,
    /// Bytes of text that remain.
    pub bytes: u64,
}

impl Part {
    /// A segment of an index.
    pub fn finished(
        directory: &Path,
        entry: &SegmentEntry,
        parameters: Parameters,
    ) -> Result<Self> {
        let records = directory.join(&entry.records.name);
        let text = directory.join(&entry.text.name);
        let text_bytes = SegmentText::open(text.clone(), parameters)?.bytes().len() as u64;
        Ok(Self {
            segment: WrittenSegment {
                text,
                records,
                documents: entry.documents,
                text_bytes,
            },
            finished: Some((directory.to_owned(), entry.clone())),
            removed: Vec::new(),
            bytes: text_bytes,
        })
    }

    /// New text.
    pub fn spooled(segment: WrittenSegment) -> Self {
        Self {
            bytes: segment.text_bytes,
            segment,
            finished: None,
            removed: Vec::new(),
        }
    }

    pub fn documents(&self, parameters: Parameters) -> Result<Documents> {
        Documents::open(
            self.segment.records.clone(),
            parameters,
            self.segment.documents,
        )
    }

    pub fn text(&self, parameters: Parameters) -> Result<SegmentText> {
        SegmentText::open(self.segment.text.clone(), parameters)
    }

    /// Leave out `documents`, ascending, of `bytes` bytes of text together.
    pub fn remove(&mut self, documents: Vec<usize>, bytes: u64) {
        self.removed = documents;
        self.bytes -= bytes;
    }

    pub fn is_whole(&self) -> bool {
        self.removed.is_empty()
    }
}

pub struct Draft {
    pub parameters: Parameters,
    /// Where new files are made.
    pub staging: PathBuf,
    pub parts: Vec<Part>,
    /// Runs of the parts, each to become one segment, or more where one would be too large.
    pub runs: Vec<Range<usize>>,
    pub budget: Budget,
    /// Whether the parts become segments; otherwise they only fill filters.
    pub suffixes: Option<Suffixes>,
    pub filters: Vec<Filter>,
    pub sizing: Option<Sizing>,
}

/// Entries of a manifest, each with the directory that its files are to be brought from, unless they stay.
pub struct Outcome {
    pub segments: Vec<(Option<PathBuf>, SegmentEntry)>,
    pub filters: Vec<(Option<PathBuf>, FilterEntry)>,
}
