//! A draft of the new index: documents in order, cut into segments, and the filters over them.

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
    /// The segment and its directory, if its suffix array exists.
    pub(super) finished: Option<(PathBuf, SegmentEntry)>,
    /// Documents to leave out, ascending.
    pub(super) removed: Vec<usize>,
    /// Bytes of text that remain.
    pub bytes: u64,
}

impl Part {
    /// Returns the part for a segment of an index.
    pub fn finished(
        directory: &Path,
        entry: &SegmentEntry,
        parameters: Parameters,
    ) -> Result<Self> {
        let segment = WrittenSegment::stored(directory, entry, parameters)?;
        Ok(Self {
            bytes: segment.text_bytes,
            segment,
            finished: Some((directory.to_owned(), entry.clone())),
            removed: Vec::new(),
        })
    }

    /// Returns the part for new text.
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

    /// Leaves out `documents`, ascending, which have `bytes` bytes of text together.
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
    /// Directory in which new files are made.
    pub staging: PathBuf,
    pub parts: Vec<Part>,
    /// Runs of parts. Each becomes one segment, or several if one would be too large.
    pub runs: Vec<Range<usize>>,
    pub budget: Budget,
    /// The suffix index of the segments. Without one, the parts only fill filters.
    pub suffixes: Option<Suffixes>,
    pub filters: Vec<Filter>,
    pub sizing: Option<Sizing>,
}

/// Entries of a manifest, each with the directory that its files must be moved from, or None if they stay.
pub struct Outcome {
    pub segments: Vec<(Option<PathBuf>, SegmentEntry)>,
    pub filters: Vec<(Option<PathBuf>, FilterEntry)>,
}
