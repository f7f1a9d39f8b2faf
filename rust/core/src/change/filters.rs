//! Which filters an index has after a change, and of what size.
//!
//! Each filter covers the documents behind those of the one before it. All together they stay within the rate that the
//! index states: a filter by itself takes most of it (`Sizing::FIRST_SHARE`), and each that is added half of what the
//! others leave, which costs it some more bits for an n-gram. So that few stand, one that is added takes in those before
//! it that are no larger, as far as their text is kept to fill it from.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::filter::sizing::{Sizing, joint_fpr};
use crate::store::manifest::FilterEntry;

/// Filters that may stand where the text is kept: each costs a query as much as the first.
pub const MAX_FILTERS: usize = 4;
/// Share of the stated rate that must be left for one more filter; with less it would take too many bits.
const LEAST_SHARE: f64 = 1.0 / 64.0;
/// The same where there is no text to fill a larger filter from: then a filter is added, whatever it takes.
const LEAST_SHARE_WITHOUT_TEXT: f64 = 1e-6;

/// A filter of the new index.
#[derive(Clone, Debug)]
pub enum Filter {
    /// One that is there, in its directory.
    Stands(PathBuf, FilterEntry),
    /// One to fill from the text of this many documents.
    Fill {
        documents: u64,
        distinct_ngrams: Option<u64>,
        /// Its false-positive rate; none for a filter by itself.
        fpr: Option<f64>,
    },
    /// Filters of one size that become one which holds what any of them does.
    Union(Vec<(PathBuf, FilterEntry)>),
}

impl Filter {
    /// A filter by itself, over all of `documents`.
    pub fn alone(documents: u64) -> Self {
        Self::Fill {
            documents,
            distinct_ngrams: None,
            fpr: None,
        }
    }

    pub fn documents(&self) -> u64 {
        match self {
            Self::Stands(_, entry) => entry.documents,
            Self::Fill { documents, .. } => *documents,
            Self::Union(entries) => entries.iter().map(|(_, entry)| entry.documents).sum(),
        }
    }
}

/// Cover `documents` more, which hold `ngrams` distinct n-grams. `has_text`: whether that of all documents is kept.
pub fn with_more(
    filters: &[FilterEntry],
    directory: &Path,
    (documents, ngrams): (u64, u64),
    sizing: Sizing,
    has_text: bool,
) -> Vec<Filter> {
    let left =
        |kept: usize| sizing.max_fpr - joint_fpr(filters[..kept].iter().map(|filter| filter.fpr));
    let mut kept = filters.len();
    let mut behind = ngrams;
    while let Some(last) = filters[..kept].last().filter(|_| has_text) {
        let larger = last.distinct_ngrams > behind && kept < MAX_FILTERS;
        if larger && left(kept) >= sizing.max_fpr * LEAST_SHARE {
            break;
        }
        behind += last.distinct_ngrams;
        kept -= 1;
    }
    let taken_in: u64 = filters[kept..].iter().map(|filter| filter.documents).sum();
    let least = sizing.max_fpr * LEAST_SHARE_WITHOUT_TEXT;
    let new = Filter::Fill {
        documents: documents + taken_in,
        distinct_ngrams: (kept == filters.len()).then_some(ngrams),
        fpr: (kept > 0).then(|| (left(kept) / 2.0).max(least)),
    };
    let standing = filters[..kept].iter();
    standing
        .map(|filter| Filter::Stands(directory.to_owned(), filter.clone()))
        .chain([new])
        .collect()
}

/// Make the filters anew that cover a document of `removed`: their numbers in the index, ascending.
pub fn without(filters: &[FilterEntry], directory: &Path, removed: &[u64]) -> Vec<Filter> {
    let mut end = 0;
    let mut rest = removed;
    let mut remaining = Vec::new();
    for filter in filters {
        end += filter.documents;
        let (gone, after) = rest.split_at(rest.partition_point(|&document| document < end));
        rest = after;
        let documents = filter.documents - gone.len() as u64;
        if gone.is_empty() {
            remaining.push(Filter::Stands(directory.to_owned(), filter.clone()));
        } else if documents > 0 {
            remaining.push(Filter::Fill {
                documents,
                distinct_ngrams: None,
                fpr: Some(filter.fpr),
            });
        }
    }
    match remaining.as_slice() {
        [] if !filters.is_empty() => vec![Filter::alone(0)],
        [Filter::Fill { documents, .. }] => vec![Filter::alone(*documents)],
        _ => remaining,
    }
}

/// For an index that keeps no text, and whose filter is not of the size of the others, or too small for all together.
pub fn cannot_unite(path: &Path) -> Error {
    Error::Refused {
        path: path.to_owned(),
        what: "keeps no text to fill a filter from, and cannot be united with the others as it is"
            .to_owned(),
        remedy: "build each with the same --expected-ngrams, enough for all together",
    }
}
