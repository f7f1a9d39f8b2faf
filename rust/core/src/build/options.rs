//! Options of a build, and whether they are possible.

use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::store::manifest::RecordKeys;
use crate::suffix::text_index::Suffixes;
use crate::text::ngram::NgramHasher;
use crate::text::squash::Normalization;

/// Default bytes of text per segment. The suffix array of such a segment takes 5 GiB of memory.
pub const DEFAULT_SEGMENT_BYTES: u64 = 1 << 30;

/// Default length of an n-gram.
pub const DEFAULT_N: usize = 25;

/// The filter that a build makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WantedFilter {
    None,
    Bloom(Sizing),
    Fuse,
}

#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Length of an n-gram in Unicode code points.
    pub n: usize,
    pub normalization: Normalization,
    pub filter: WantedFilter,
    /// The suffix index to build, if any.
    pub suffixes: Option<Suffixes>,
    /// Threads to use; 0 means one per core.
    pub threads: usize,
    /// Bytes of text after which a new segment starts.
    pub segment_bytes: u64,
    /// Approximate limit of the memory, in bytes. Under it, segments are as small as necessary, and the filter is
    /// filled in parts.
    pub memory_limit: Option<u64>,
    /// The fields of records, which go into the manifest. A check also finds metadata fields that are in no record.
    pub record_keys: RecordKeys,
    /// Whether to replace an index at the output.
    pub overwrite: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            n: DEFAULT_N,
            normalization: Normalization::Squash,
            filter: WantedFilter::Bloom(Sizing::default()),
            suffixes: Some(Suffixes::All),
            threads: 0,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            memory_limit: None,
            record_keys: RecordKeys::default(),
            overwrite: false,
        }
    }
}

impl BuildOptions {
    /// Returns an error for options that are impossible, alone or together.
    pub fn check(&self) -> Result<()> {
        NgramHasher::checked_n(self.n as i64)?;
        if self.filter == WantedFilter::None && self.suffixes.is_none() {
            let choice = "choose bloom or fuse, suffix or lean, or one of each";
            return Err(Error::Usage(format!("no structure to build; {choice}")));
        }
        Ok(())
    }
}
