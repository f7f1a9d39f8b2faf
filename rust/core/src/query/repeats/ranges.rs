//! The stretches of documents that repeat.

use super::groups;
use super::marks::Marks;
use super::stretches::{Stretch, stretches};
use crate::error::{Error, Result};
use crate::query::index::Index;
use crate::suffix::text_index::TextIndex;
use crate::suffix::view::SuffixView;

/// A stretch of a document whose characters are all in texts that occur often enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatedRange {
    pub segment: usize,
    /// The document's number in the segment.
    pub document: usize,
    /// First character, in the normalised text.
    pub start: usize,
    /// One past the last character, in the normalised text.
    pub end: usize,
    /// The same in bytes of the segment's text.
    pub bytes: (usize, usize),
}

/// The repeated ranges of a corpus.
pub struct Repeats {
    pub(super) chars: usize,
    pub(super) times: usize,
    /// The starts of the texts, for each segment.
    marks: Vec<Marks>,
}

impl RepeatedRange {
    /// Returns what tells its document from others.
    pub fn place(&self) -> (usize, usize) {
        (self.segment, self.document)
    }
}

impl Index {
    /// Finds the texts of `chars` characters that occur `times` times or more; overlapping occurrences count.
    /// `check` is called now and then, and its error ends the work.
    pub fn repeats(
        &self,
        chars: usize,
        times: usize,
        check: impl Fn() -> Result<()> + Sync,
    ) -> Result<Repeats> {
        if chars == 0 || times < 2 {
            return Err(Error::Usage(format!(
                "{chars} characters, {times} times: choose 1 character or more, and 2 times or more"
            )));
        }
        let views = self.full_views("find what repeats")?;
        let lengths = views.iter().map(|view| view.text().len());
        let marks: Vec<Marks> = lengths.map(Marks::new).collect();
        groups::for_each_group(&views, chars, times, check, |places| {
            for place in places {
                marks[place.segment as usize].set(place.position as usize);
            }
        })?;
        Ok(Repeats {
            chars,
            times,
            marks,
        })
    }

    /// Returns the full suffix arrays of all segments.
    pub(super) fn full_views(&self, task: &'static str) -> Result<Vec<SuffixView<'_>>> {
        self.require_suffix(task)?;
        let views = self.segments.iter().map(|segment| {
            // These uses read all of the text.
            match segment.index_in_order()? {
                TextIndex::Full(view) => Ok(view),
                TextIndex::Lean(_) => self.missing_suffix(task),
            }
        });
        views.collect()
    }
}

impl Repeats {
    /// Yields the ranges of a segment's documents, in order. Texts of a document that overlap or touch are in one.
    fn in_segment<'a>(
        &'a self,
        index: &'a Index,
        segment: usize,
    ) -> impl Iterator<Item = Result<RepeatedRange>> + 'a {
        let documents = index.segments[segment].documents();
        let marks = &self.marks[segment];
        let touched = (0..documents.len()).filter(move |&document| {
            let range = documents.text_range(document);
            range.is_some_and(|range| marks.any(range))
        });
        touched.flat_map(move |document| self.in_document(index, segment, document))
    }

    fn in_document(
        &self,
        index: &Index,
        segment: usize,
        document: usize,
    ) -> Vec<Result<RepeatedRange>> {
        let found = index.segments[segment].document_text(document);
        let text = match found {
            Ok(text) => text,
            Err(error) => return vec![Err(error)],
        };
        let documents = index.segments[segment].documents();
        let first = documents
            .text_range(document)
            .map_or(0, |range| range.start);
        let marks = &self.marks[segment];
        let length_at = |byte| marks.get(first + byte).then_some(self.chars);
        let range = |stretch: Stretch| RepeatedRange {
            segment,
            document,
            start: stretch.start,
            end: stretch.end,
            bytes: (first + stretch.bytes.0, first + stretch.bytes.1),
        };
        let found = stretches(text, length_at).into_iter();
        found.map(range).map(Ok).collect()
    }

    /// Yields all ranges, in the order of the corpus.
    pub fn ranges<'a>(
        &'a self,
        index: &'a Index,
    ) -> impl Iterator<Item = Result<RepeatedRange>> + 'a {
        (0..self.marks.len()).flat_map(move |segment| self.in_segment(index, segment))
    }
}
