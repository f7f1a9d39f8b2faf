//! Documents that contain several texts: one of each clause, wherever they stand in the document.

use std::borrow::Cow;

use memchr::memmem;

use super::index::{Index, StoredDocument, stored};
use crate::error::{Error, Result};
use crate::memory::side_by_side::side_by_side;
use crate::store::segment::Segment;

/// Bytes of text that are searched in the time in which the document of one occurrence is found.
const BYTES_PER_OCCURRENCE: usize = 256;

/// The documents that contain what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Containing<'a> {
    /// How many there are.
    pub count: usize,
    /// The first of them, in the order of the corpus.
    pub documents: Vec<StoredDocument<'a>>,
}

/// The occurrences in a segment of the texts of one clause.
struct Clause<'a> {
    texts: &'a [Cow<'a, str>],
    positions: Vec<Cow<'a, [u32]>>,
}

impl Index {
    /// Returns the documents that contain, for each of `clauses`, at least one of its texts. The texts are normalised
    /// first. The clause of fewest occurrences is looked at first, and the others only in its documents.
    pub fn containing(&self, clauses: &[Vec<&str>], most: usize) -> Result<Containing<'_>> {
        self.require_suffix("find documents")?;
        let normalization = self.parameters.normalization;
        let mut normalized: Vec<Vec<Cow<str>>> = Vec::with_capacity(clauses.len());
        for clause in clauses {
            let texts = clause.iter().map(|text| normalization.normalize(text));
            normalized.push(texts.collect());
        }
        let clauses = normalized;
        if clauses.is_empty() || clauses.iter().any(Vec::is_empty) {
            return Err(Error::Usage(
                "no text is given: give one or more".to_owned(),
            ));
        }
        if clauses.iter().flatten().any(|text| text.is_empty()) {
            return Err(Error::Usage(
                "a text is empty, and every document contains that: leave it out".to_owned(),
            ));
        }
        let mut found = Containing {
            count: 0,
            documents: Vec::new(),
        };
        for segment in &self.segments {
            let documents = self.in_segment(segment, &clauses)?;
            found.count += documents.len();
            let wanted = most - found.documents.len();
            for &document in documents.iter().take(wanted) {
                found.documents.push(stored(segment, document)?);
            }
        }
        Ok(found)
    }

    /// Returns the numbers of a segment's documents that contain a text of each clause, ascending.
    fn in_segment(&self, segment: &Segment, clauses: &[Vec<Cow<str>>]) -> Result<Vec<usize>> {
        let index = segment.index()?;
        let anchor = |text: &str| self.anchors.as_ref().and_then(|found| found.first(text));
        let mut clauses: Vec<Clause> = clauses
            .iter()
            .map(|texts| Clause {
                texts,
                positions: side_by_side(
                    texts
                        .iter()
                        .map(|text| index.positions(text.as_bytes(), anchor(text))),
                ),
            })
            .collect();
        clauses.sort_by_key(Clause::occurrences);
        let (rarest, others) = clauses.split_first().expect("at least one clause");
        let mut documents = rarest.documents(segment);
        for clause in others {
            let lengths = documents
                .iter()
                .filter_map(|&document| segment.documents().text_range(document));
            if clause.occurrences() * BYTES_PER_OCCURRENCE < lengths.map(|range| range.len()).sum()
            {
                let theirs = clause.documents(segment);
                documents.retain(|document| theirs.binary_search(document).is_ok());
            } else {
                documents = clause.searched(segment, &documents)?;
            }
        }
        Ok(documents)
    }
}

impl Clause<'_> {
    fn occurrences(&self) -> usize {
        self.positions.iter().map(|positions| positions.len()).sum()
    }

    /// Returns the documents of all occurrences, ascending.
    fn documents(&self, segment: &Segment) -> Vec<usize> {
        let starts = segment.documents().starts();
        let mut documents: Vec<usize> = self
            .positions
            .iter()
            .flat_map(|positions| positions.iter())
            .filter_map(|&position| {
                let after = starts.partition_point(|&start| start <= u64::from(position));
                after.checked_sub(1)
            })
            .collect();
        documents.sort_unstable();
        documents.dedup();
        documents
    }

    /// Returns those of some documents that contain one of the texts, which are searched for in them.
    fn searched(&self, segment: &Segment, documents: &[usize]) -> Result<Vec<usize>> {
        let finders: Vec<_> = self
            .texts
            .iter()
            .map(|text| memmem::Finder::new(text.as_bytes()))
            .collect();
        let mut found = Vec::new();
        for &document in documents {
            let text = segment.document_text(document)?.as_bytes();
            if finders.iter().any(|finder| finder.find(text).is_some()) {
                found.push(document);
            }
        }
        Ok(found)
    }
}
