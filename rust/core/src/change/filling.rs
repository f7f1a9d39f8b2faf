//! Makes the filters of a draft: fills them from its segments, or unites existing ones.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::draft::Draft;
use super::filters::{Filter, cannot_unite};
use crate::error::Result;
use crate::filter::bloom::{self, Bloom};
use crate::filter::cardinality::DistinctCounter;
use crate::filter::sizing::Sizing;
use crate::filter_files::bloom::build::{FilterSize, build_filter, join_stretches, write_filter};
use crate::filter_files::bloom::file::BloomFile;
use crate::filter_files::covered::{Covered, expect_passes};
use crate::progress::Gauge;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::FilterEntry;
use crate::store::segment::WrittenSegment;

/// A filter is sized for this fraction of the rate that it must keep to, as a margin for chance.
const MARGIN: f64 = 0.95;

/// Makes the filters of a draft over its segments. Returns each with its directory.
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
    // Documents whose text is kept come last: all of them, or only those just added.
    let mut first = kept as i64 - covered as i64;
    let fill = |covered: &[Covered], path, size| {
        let most = draft.budget.filter_words;
        build_filter(covered, path, size, draft.parameters, most, gauge)
    };
    let mut made = Vec::new();
    for (number, filter) in draft.filters.iter().enumerate() {
        let path = Kind::Bloom.path(&draft.staging, number);
        // For a filter that turned out to be too small.
        let refill = |documents: u64, path: PathBuf| {
            let covered = part_of(segments, first, documents);
            let ngrams = count_distinct(&covered, draft.parameters, gauge)?;
            fill(&covered, path, FilterSize::alone(sizing, ngrams))
        };
        let entry = match filter {
            Filter::Kept(directory, entry) => (directory.clone(), entry.clone()),
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
                        refill(documents, path)?
                    }
                    _ => return Err(cannot_unite(&filters[0].0)),
                };
                (draft.staging.clone(), entry)
            }
            Filter::Divided(divided, files, documents) => {
                let size = |fill, words| size_of(fill, words, sizing);
                let joined = join_stretches(
                    files,
                    divided.stretches,
                    *documents,
                    size,
                    path.clone(),
                    draft.parameters,
                    gauge,
                )?;
                let entry = match joined.fpr <= sizing.max_fpr {
                    true => joined,
                    false => refill(*documents, path)?,
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
        // Even the maximal bits cannot give a lower rate.
        max_fpr: max_fpr.max(bloom::bits_to_fpr(bits_per_ngram)),
    }
}

/// Returns `documents` documents from number `first` on, by segment.
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

/// The n-grams that several threads have seen.
#[derive(Default)]
struct Seen {
    distinct: DistinctCounter,
    ngrams: u64,
}

/// The share of one thread, which is merged into the total when the thread ends.
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

/// Estimates how many distinct n-grams documents hold, as `Builder` does.
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
    Ok(all.distinct.estimate_among(all.ngrams))
}

/// Returns the words of a filter that holds all n-grams of `filters`.
fn unite(
    filters: &[(PathBuf, FilterEntry)],
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<Vec<u64>> {
    let mut words: Vec<u64> = Vec::new();
    for (directory, entry) in filters {
        let file = BloomFile::open(directory, entry, parameters)?;
        gauge.check()?;
        match words.as_mut_slice() {
            [] => words = file.words().to_vec(),
            words => {
                for (word, other) in words.iter_mut().zip(file.words()) {
                    *word |= other;
                }
            }
        }
        file.check_whole()?;
    }
    Ok(words)
}

fn size_of(fill: f64, words: usize, sizing: Sizing) -> FilterSize {
    FilterSize {
        distinct_ngrams: estimate_held(fill, words),
        bits_per_ngram: sizing.bits_per_ngram,
        words,
        max_fpr: sizing.max_fpr,
    }
}

/// Estimates how many n-grams a filter holds. With k keys, a bit of a block is clear with probability (63/64)^k; k is
/// Poisson distributed with mean m, so exp(-m / 64) of all bits are clear.
fn estimate_held(fill: f64, words: usize) -> u64 {
    let blocks = (words / bloom::BLOCK_WORDS) as f64;
    (-64.0 * (1.0 - fill).ln() * blocks).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::bloom::BloomBuilder;

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
