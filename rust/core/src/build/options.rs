//! What to build, and whether it can be built.

use super::left_out::Duplicates;
use crate::error::{Error, Result};
use crate::filter::bloom;
use crate::store::manifest::RecordKeys;
use crate::suffix::text_index::Suffixes;
use crate::text::ngram::NgramHasher;
use crate::text::squash::Normalization;

/// Text of a segment where nothing else is asked for: its suffix array takes 5 GiB of memory.
pub const DEFAULT_SEGMENT_BYTES: u64 = 1 << 30;

#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Length of an n-gram in Unicode code points.
    pub n: usize,
    pub normalization: Normalization,
    /// Bits of the Bloom filter for each distinct n-gram, or no filter.
    pub bits_per_ngram: Option<f64>,
    /// Distinct n-grams to make room for in the filter, if the corpus holds fewer.
    pub expected_ngrams: Option<u64>,
    /// Whether to build a fuse filter; not beside a Bloom filter.
    pub fuse: bool,
    /// The suffix index to build, or none.
    pub suffixes: Option<Suffixes>,
    /// Threads to work on; 0: one a core.
    pub threads: usize,
    /// Bytes of text after which a new segment begins.
    pub segment_bytes: u64,
    /// Bytes of memory to stay within, about; segments are then as small as it takes, and the
    /// filter is filled in parts.
    pub memory_limit: Option<u64>,
    /// The fields of records, for the manifest and for a look at whether the metadata's are in any.
    pub record_keys: RecordKeys,
    /// Whether to replace an index that stands at the output.
    pub overwrite: bool,
    pub duplicates: Duplicates,
    /// How sources were made of the names of files, for the manifest.
    pub identity: Option<String>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            n: 25,
            normalization: Normalization::Squash,
            bits_per_ngram: Some(bloom::DEFAULT_BITS_PER_NGRAM),
            expected_ngrams: None,
            fuse: false,
            suffixes: Some(Suffixes::All),
            threads: 0,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            memory_limit: None,
            record_keys: RecordKeys::default(),
            overwrite: false,
            duplicates: Duplicates::Error,
            identity: None,
        }
    }
}

impl BuildOptions {
    /// Refuse what cannot be, or cannot be together.
    pub fn check(&self) -> Result<()> {
        let usage = |message: String| Err(Error::Usage(message));
        if !(1..=NgramHasher::MAX_N).contains(&self.n) {
            let max = NgramHasher::MAX_N;
            return usage(format!("n is {}; choose one from 1 to {max}", self.n));
        }
        if self.fuse && self.bits_per_ngram.is_some() {
            return usage("a fuse filter beside a Bloom filter; choose bloom or fuse".to_owned());
        }
        if !self.fuse && self.bits_per_ngram.is_none() && self.suffixes.is_none() {
            let choice = "choose bloom or fuse, suffix or lean, or one of each";
            return usage(format!("no structure to build; {choice}"));
        }
        if self.expected_ngrams.is_some() && self.bits_per_ngram.is_none() {
            return usage("expected n-grams without a Bloom filter; choose bloom".to_owned());
        }
        match self.bits_per_ngram {
            Some(bits) if !(1.0..=256.0).contains(&bits) => {
                usage(format!("{bits} bits per n-gram; choose from 1 to 256"))
            }
            _ => Ok(()),
        }
    }
}
