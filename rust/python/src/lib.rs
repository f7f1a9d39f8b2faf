//! `quotetune._core`: the Python face of quotetune-core. It only converts, and decides nothing.

mod alignment;
mod arguments;
mod builder;
mod change;
mod divided;
mod documents;
mod error;
mod estimate;
mod guide;
mod guide_sources;
mod import;
mod index;
mod largest;
mod pool;
mod quote;
mod reading;
mod repeats;
mod signals;
mod texts;
mod token_trie;
mod verify;
mod waiting;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::alignment::aligned;
    #[pymodule_export]
    use super::arguments::bits_for_fpr;
    #[pymodule_export]
    use super::builder::Builder;
    #[pymodule_export]
    use super::change::{compact, merge, remove};
    #[pymodule_export]
    use super::divided::DividedFilter;
    #[pymodule_export]
    use super::documents::{DocumentBatch, Documents};
    #[pymodule_export]
    use super::estimate::{Sampler, ascii_amount, check_output, estimate_build};
    #[pymodule_export]
    use super::guide::{
        Guide, GuideState, guide_completes, guide_continues, guide_ends, guide_follow_ups,
        guide_matches,
    };
    #[pymodule_export]
    use super::guide_sources::{Texts, Vocabulary};
    #[pymodule_export]
    use super::import::import_bloom;
    #[pymodule_export]
    use super::index::Index;
    #[pymodule_export]
    use super::largest::largest;
    #[pymodule_export]
    use super::pool::set_threads;
    #[pymodule_export]
    use super::quote::{Quote, QuoteSource};
    #[pymodule_export]
    use super::reading::{Records, TextFile, open_records, open_text};
    #[pymodule_export]
    const MAX_SEGMENT_BYTES: u64 = quotetune_core::suffix::array::MAX_TEXT as u64;
    #[pymodule_export]
    const DEFAULT_BITS_PER_NGRAM: f64 = quotetune_core::filter::bloom::DEFAULT_BITS_PER_NGRAM;
    #[pymodule_export]
    const MAX_EXPECTED_NGRAMS: u64 = *quotetune_core::filter::sizing::EXPECTED_NGRAMS.end();
    #[pymodule_export]
    const DEFAULT_N: usize = quotetune_core::build::options::DEFAULT_N;
    #[pymodule_export]
    const MAX_N: usize = quotetune_core::text::ngram::NgramHasher::MAX_N;
    #[pymodule_export]
    const MIN_MEMORY_LIMIT: u64 = quotetune_core::build::budget::MIN_MEMORY_LIMIT;
    #[pymodule_export]
    const DEFAULT_SEGMENT_BYTES: u64 = quotetune_core::build::options::DEFAULT_SEGMENT_BYTES;
    #[pymodule_export]
    use super::repeats::Duplicates;
    #[pymodule_export]
    use super::token_trie::TokenTrie;
    #[pymodule_export]
    use super::verify::{bytes_of_files, check_files, read_manifest};
}
