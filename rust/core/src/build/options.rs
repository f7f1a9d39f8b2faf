//! What to build, and whether it can be built.

use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::store::manifest::RecordKeys;
use crate::suffix::text_index::Suffixes;
use crate::text::ngram::NgramHasher;
use crate::text::normalization::Normalization;

/// Text of a segment where nothing else is asked for: its suffix array takes 5 GiB of memory.
pub const DEFAULT_SEGMENT_BYTES: u64 = 1 << 30;

/// Length of an n-gram where nothing else is asked for.
pub const DEFAULT_N: usize = 25;

/// The filter that a build is asked for.
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
    /// Refuse what cannot be, or cannot be together.
    pub fn check(&self) -> Result<()> {
        NgramHasher::checked_n(self.n as i64)?;
        if self.filter == WantedFilter::None && self.suffixes.is_none() {
            let choice = "choose bloom or fuse, suffix or lean, or one of each";
            return Err(Error::Usage(format!("no structure to build; {choice}")));
        }
        Ok(())
    }
}
