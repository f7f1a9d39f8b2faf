//! What a build of an amount of text would write and need, by the formulas of the code that builds.

use super::amount::Amount;
use super::budget::SORTING;
use super::finish::check_expected;
use super::options::{BuildOptions, WantedFilter};
use super::resources::resources;
use crate::error::Result;
use crate::filter::bloom::pending_bytes;
use crate::filter_files::bloom::build::FilterSize;
use crate::filter_files::fuse::build::FusePlan;
use crate::store::{container, documents, segment};
use crate::suffix::text_index::Suffixes;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of each structure on the disk; 0 for those that are not wanted.
    pub filter: u64,
    pub text: u64,
    pub documents: u64,
    pub suffixes: u64,
    pub segments: u64,
    /// Passes over the text that fill the filter.
    pub passes: u64,
    pub threads: u64,
    /// Bytes of memory while the filter is filled and the suffixes are sorted.
    pub memory: u64,
}

/// Estimates the build that `options` ask for.
pub fn estimate(amount: &Amount, options: &BuildOptions) -> Result<Estimate> {
    options.check()?;
    let (pool, budget) = resources(options.threads, options.segment_bytes, options.memory_limit)?;
    let threads = pool.current_num_threads() as u64;
    let ngrams = amount.distinct_ngrams;
    let (filter, passes, filling) = match options.filter {
        WantedFilter::None => (0, 0, 0),
        WantedFilter::Bloom(sizing) => {
            check_expected(sizing, ngrams)?;
            let words = FilterSize::alone(sizing, ngrams).words;
            let part = words.min(budget.filter_words);
            let bytes = container::file_bytes(&[words as u64 * 8]);
            let pending = threads * pending_bytes(part);
            (bytes, words.div_ceil(part), part as u64 * 8 + pending)
        }
        WantedFilter::Fuse => {
            // A text has hardly fewer n-grams than characters.
            let plan = FusePlan::new(ngrams, budget.fuse_bytes, threads as usize);
            (
                plan.file_bytes(),
                plan.passes() as usize,
                plan.memory(amount.characters),
            )
        }
    };
    let mut estimate = Estimate {
        filter,
        passes: passes as u64,
        threads,
        memory: filling,
        ..Estimate::default()
    };
    if let Some(suffixes) = options.suffixes {
        let text = amount.bytes + amount.documents;
        let segments = text.div_ceil(budget.segment_bytes.max(1));
        let share = |whole: u64| whole.div_ceil(segments.max(1));
        let sorted = match suffixes {
            Suffixes::All => text,
            Suffixes::Anchors => amount.anchors,
        };
        let (documents, records) = (share(amount.documents), share(amount.record_bytes));
        let bytes = amount.distinct_bytes;
        estimate.segments = segments;
        estimate.text = segments * segment::text_file_bytes(share(text));
        estimate.documents = segments * documents::file_bytes(documents, records, share(text));
        estimate.suffixes = segments * segment::suffix_file_bytes(suffixes, share(sorted), bytes);
        let sorting = threads.min(segments) * share(text) * SORTING;
        estimate.memory = match threads {
            1 => filling.max(sorting),
            _ => filling + sorting,
        };
    }
    Ok(estimate)
}
