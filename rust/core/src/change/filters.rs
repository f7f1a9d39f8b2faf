//! Plans the filters of an index after a change, and their sizes.
//!
//! Each filter covers the documents after those of the filter before it. Together they keep to the rate that the
//! index states. A single filter takes most of it (`Sizing::FIRST_SHARE`). Each filter that is added takes half of
//! the remaining rate, which costs it some more bits per n-gram. To keep filters few, a new one replaces those before
//! it that are no larger, as far as their text is kept to fill it from.

use std::path::{Path, PathBuf};

use super::divided::DividedFilter;
use crate::error::Error;
use crate::filter::sizing::{Sizing, joint_fpr};
use crate::store::manifest::FilterEntry;

/// Maximal number of filters if the text is kept: each costs a query as much as the first.
pub const MAX_FILTERS: usize = 4;
/// Share of the stated rate that must be left for one more filter; with less, it would need too many bits.
const LEAST_SHARE: f64 = 1.0 / 64.0;
/// The same without text to fill a larger filter from. A filter is then always added, however many bits it needs.
const LEAST_SHARE_WITHOUT_TEXT: f64 = 1e-6;

/// A filter of the new index.
#[derive(Clone, Debug)]
pub enum Filter {
    /// An existing filter, in its directory.
    Kept(PathBuf, FilterEntry),
    /// A new filter, filled from the text of this many documents.
    Fill {
        documents: u64,
        distinct_ngrams: Option<u64>,
        /// Its false-positive rate; None for a single filter.
        fpr: Option<f64>,
    },
    /// Filters of one size that become one, which holds the n-grams of all of them.
    Union(Vec<(PathBuf, FilterEntry)>),
    /// A filter of this many documents whose stretches are in these files, in order.
    Divided(DividedFilter, Vec<PathBuf>, u64),
}

impl Filter {
    /// Returns a single filter over all of `documents`.
    pub fn alone(documents: u64) -> Self {
        Self::Fill {
            documents,
            distinct_ngrams: None,
            fpr: None,
        }
    }

    pub fn documents(&self) -> u64 {
        match self {
            Self::Kept(_, entry) => entry.documents,
            Self::Fill { documents, .. } | Self::Divided(_, _, documents) => *documents,
            Self::Union(entries) => entries.iter().map(|(_, entry)| entry.documents).sum(),
        }
    }
}

/// Plans filters that cover `documents` more documents, which hold `ngrams` distinct n-grams. `has_text` tells
/// whether the text of all documents is kept.
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
    let existing = filters[..kept].iter();
    existing
        .map(|filter| Filter::Kept(directory.to_owned(), filter.clone()))
        .chain([new])
        .collect()
}

/// Plans new filters for those that cover a document of `removed`, the ascending numbers of documents in the index.
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
            remaining.push(Filter::Kept(directory.to_owned(), filter.clone()));
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

/// Returns the error for an index that keeps no text, and whose filter has another size than the others or is too
/// small for all n-grams together.
pub fn cannot_unite(path: &Path) -> Error {
    Error::Refused {
        path: path.to_owned(),
        what: "keeps no text to fill a filter from, and cannot be united with the others as it is"
            .to_owned(),
        remedy: "build each with the same --expected-ngrams, enough for all together",
    }
}
