//! Which filters an index has after a change, and of what size.
//!
//! Each filter covers the documents behind those of the one before it. All together they stay within the rate that the
//! index states: a filter by itself takes most of it (`Sizing::FIRST_SHARE`), and each that is added half of what the
//! others leave, which costs it some more bits for an n-gram. So that few stand, one that is added takes in those before
//! it that are no larger, as far as their text is kept to fill it from.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::draft::Draft;
use crate::bloom::{self, Bloom};
use crate::cardinality::DistinctCounter;
use crate::error::{Error, Result};
use crate::file::{Kind, MappedFile, Parameters};
use crate::fill::{Covered, FilterSize, build_filter, expect_passes, write_filter};
use crate::finish::Gauge;
use crate::manifest::FilterEntry;
use crate::segment::WrittenSegment;
use crate::sizing::Sizing;

/// Filters that may stand where the text is kept: each costs a query as much as the first.
pub const MAX_FILTERS: usize = 4;
/// Share of the stated rate that must be left for one more filter; with less it would take too many bits.
const LEAST_SHARE: f64 = 1.0 / 64.0;
/// The same where there is no text to fill a larger filter from: then a filter is added, whatever it takes.
const LEAST_SHARE_WITHOUT_TEXT: f64 = 1e-6;
/// A filter is made for a rate this much below the one that it must keep to, for what chance does.
const MARGIN: f64 = 0.95;

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

    fn documents(&self) -> u64 {
        match self {
            Self::Stands(_, entry) => entry.documents,
            Self::Fill { documents, .. } => *documents,
            Self::Union(entries) => entries.iter().map(|(_, entry)| entry.documents).sum(),
        }
    }
}

/// The false-positive rate of filters together.
fn together<'a>(filters: impl IntoIterator<Item = &'a FilterEntry>) -> f64 {
    1.0 - filters
        .into_iter()
        .map(|filter| 1.0 - filter.fpr)
        .product::<f64>()
}

/// Cover `documents` more, which hold `ngrams` distinct n-grams. `has_text`: whether that of all documents is kept.
pub fn with_more(
    filters: &[FilterEntry],
    directory: &Path,
    (documents, ngrams): (u64, u64),
    sizing: Sizing,
    has_text: bool,
) -> Vec<Filter> {
    let left = |kept: usize| sizing.max_fpr - together(&filters[..kept]);
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

/// Make the filters of a draft over its segments; each with the directory it is in.
pub fn make(
    draft: &Draft,
    segments: &[WrittenSegment],
    gauge: &Gauge,
) -> Result<Vec<(PathBuf, FilterEntry)>> {
    let Some(sizing) = draft.sizing else {
        return Ok(Vec::new());
    };
    let covered: u64 = draft.filters.iter().map(Filter::documents).sum();
    let kept: usize = segments.iter().map(|segment| segment.documents).sum();
    // Documents whose text is kept come last: all of them, or those that are just added.
    let mut first = kept as i64 - covered as i64;
    let fill = |covered: &[Covered], path, size| {
        let most = draft.budget.filter_words;
        build_filter(covered, path, size, draft.parameters, most, gauge)
    };
    let mut made = Vec::new();
    for (number, filter) in draft.filters.iter().enumerate() {
        let path = draft.staging.join(format!("filter-{number:05}.bloom"));
        let entry = match filter {
            Filter::Stands(directory, entry) => (directory.clone(), entry.clone()),
            Filter::Fill {
                documents,
                distinct_ngrams,
                fpr,
            } => {
                let covered = part_of(segments, first, *documents);
                let ngrams = match distinct_ngrams {
                    Some(ngrams) => *ngrams,
                    None => count_distinct(&covered, draft.parameters, gauge)?,
                };
                let size = match fpr {
                    None => FilterSize::alone(sizing, ngrams),
                    Some(fpr) => size_for(ngrams, *fpr),
                };
                let entry = fill(&covered, path, size)?;
                (draft.staging.clone(), entry)
            }
            Filter::Union(filters) => {
                let words = unite(filters, draft.parameters, gauge)?;
                let documents = filter.documents();
                let union = Bloom::new(&words).map(|union| union.measure());
                let entry = match union {
                    Some(union) if union.fpr <= sizing.max_fpr => {
                        let size = size_of(union.fill, words.len(), sizing);
                        write_filter(&words, documents, size, path, draft.parameters, gauge)?
                    }
                    _ if draft.suffixes.is_some() => {
                        drop(words);
                        let covered = part_of(segments, first, documents);
                        let ngrams = count_distinct(&covered, draft.parameters, gauge)?;
                        let size = FilterSize::alone(sizing, ngrams);
                        fill(&covered, path, size)?
                    }
                    _ => return Err(cannot_unite(&filters[0].0)),
                };
                (draft.staging.clone(), entry)
            }
        };
        first += filter.documents() as i64;
        made.push(entry);
    }
    Ok(made)
}

fn size_for(distinct_ngrams: u64, max_fpr: f64) -> FilterSize {
    let bits_per_ngram = bloom::fpr_to_bits(max_fpr * MARGIN);
    FilterSize {
        distinct_ngrams,
        bits_per_ngram,
        words: bloom::words_for(distinct_ngrams, bits_per_ngram),
        max_fpr,
    }
}

/// `documents` documents from number `first` on, by segment.
fn part_of(segments: &[WrittenSegment], first: i64, documents: u64) -> Vec<Covered> {
    let mut start = -first;
    let mut covered = Vec::new();
    for segment in segments {
        let within = |document: i64| document.clamp(0, segment.documents as i64) as usize;
        let range = within(-start)..within(-start + documents as i64);
        if !range.is_empty() {
            covered.push(Covered {
                segment: segment.clone(),
                documents: range,
            });
        }
        start += segment.documents as i64;
    }
    covered
}

/// What several threads have seen of n-grams.
#[derive(Default)]
struct Seen {
    distinct: DistinctCounter,
    ngrams: u64,
}

/// One thread's share, which goes to the others' when it ends.
struct Share<'a> {
    seen: Seen,
    all: &'a Mutex<Seen>,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.distinct.merge(&self.seen.distinct);
        all.ngrams += self.seen.ngrams;
    }
}

/// About how many distinct n-grams documents hold; as `Builder` estimates it.
fn count_distinct(covered: &[Covered], parameters: Parameters, gauge: &Gauge) -> Result<u64> {
    expect_passes(covered, 1, parameters, gauge)?;
    let all = Mutex::new(Seen::default());
    for part in covered {
        part.hash(parameters, gauge, || {
            let seen = Seen::default();
            let mut share = Share { seen, all: &all };
            move |hashes: &[u64]| {
                share.seen.distinct.insert(hashes);
                share.seen.ngrams += hashes.len() as u64;
            }
        })?;
    }
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(all.distinct.estimate().min(all.ngrams))
}

/// The words that hold what any of the filters does.
fn unite(
    filters: &[(PathBuf, FilterEntry)],
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<Vec<u64>> {
    let mut words: Vec<u64> = Vec::new();
    for (directory, entry) in filters {
        let file = MappedFile::open(directory.join(&entry.file.name), Kind::Filter, parameters)?;
        gauge.check()?;
        match words.as_mut_slice() {
            [] => words = file.section::<u64>(0).to_vec(),
            words => {
                for (word, other) in words.iter_mut().zip(file.section::<u64>(0)) {
                    *word |= other;
                }
            }
        }
    }
    Ok(words)
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

fn size_of(fill: f64, words: usize, sizing: Sizing) -> FilterSize {
    FilterSize {
        distinct_ngrams: estimate_held(fill, words),
        bits_per_ngram: sizing.bits_per_ngram,
        words,
        max_fpr: sizing.max_fpr,
    }
}

/// About how many n-grams a filter holds: with k keys, a lane of a block has each bit clear with probability (63/64)^k;
/// k is Poisson distributed around the mean m, so that exp(-m / 64) of all bits are clear.
fn estimate_held(fill: f64, words: usize) -> u64 {
    let blocks = (words / bloom::BLOCK_WORDS) as f64;
    (-64.0 * (1.0 - fill).ln() * blocks).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bloom::BloomBuilder;

    #[test]
    fn a_filter_tells_about_how_many_n_grams_it_holds() {
        let hash = |i: u64| {
            let mixed = (i ^ (i >> 7)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        };
        let hashes: Vec<u64> = (0..100_000).map(hash).collect();
        let mut words = vec![0; bloom::words_for(200_000, 16.0)];
        BloomBuilder::new(&mut words)
            .unwrap()
            .inserter()
            .insert(&hashes);
        let fill = Bloom::new(&words).unwrap().measure().fill;
        let estimate = estimate_held(fill, words.len()) as f64;
        assert!((estimate / 100_000.0 - 1.0).abs() < 0.01, "{estimate}");
    }
}
