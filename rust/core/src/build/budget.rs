//! How a build or a change shares out the memory that it may take.

use crate::error::{Error, Result};
use crate::filter_files::bloom::build::WHOLE;
use crate::filter_files::fuse::build::DEFAULT_BYTES;

/// What is there whatever is built: the interpreter, its libraries, and the batch that is being read.
const BASE: u64 = 128 << 20;
/// The least limit that can be kept to, in bytes.
pub const MIN_MEMORY_LIMIT: u64 = 2 * BASE;
/// Bytes of memory for a byte of the text that a thread sorts: its suffix array, the text, and some to spare.
const SORTING: u64 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of text of a segment.
    pub segment_bytes: u64,
    /// Words of the filter that are filled at a time.
    pub filter_words: usize,
    /// Bytes for the n-grams of a fuse filter that are collected at a time, and its construction.
    pub fuse_bytes: u64,
}

impl Budget {
    /// What a limit allows, or without one what is best, with segments of at most `segment_bytes`.
    pub fn new(limit: Option<u64>, segment_bytes: u64, threads: usize) -> Result<Self> {
        let budget = match limit {
            Some(limit) => Self::within(limit, threads)?,
            None => Self {
                segment_bytes,
                filter_words: WHOLE,
                fuse_bytes: DEFAULT_BYTES,
            },
        };
        Ok(Self {
            segment_bytes: budget.segment_bytes.min(segment_bytes),
            ..budget
        })
    }

    /// Share `limit` bytes out to `threads` threads: half to the segments they sort, half to a part of the filter, for which
    /// each thread collects hashes of a quarter of its size, and to the segment that it is filled from.
    fn within(limit: u64, threads: usize) -> Result<Self> {
        if limit < MIN_MEMORY_LIMIT {
            let (limit, least) = (limit >> 20, MIN_MEMORY_LIMIT >> 20);
            return Err(Error::Usage(format!(
                "a memory limit of {limit} MiB; give at least {least} MiB"
            )));
        }
        let (half, threads) = ((limit - BASE) / 2, threads as u64);
        let segment_bytes = half / (SORTING * threads);
        Ok(Self {
            segment_bytes,
            fuse_bytes: half - segment_bytes,
            filter_words: ((half - segment_bytes) * 4 / (4 + threads) / 8) as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_out_stays_within_the_limit() {
        for limit in [MIN_MEMORY_LIMIT, 1 << 30, 100 << 30] {
            for threads in [1, 2, 7, 64] {
                let budget = Budget::within(limit, threads).unwrap();
                let threads = threads as u64;
                let part = budget.filter_words as u64 * 8;
                let sorted = SORTING * threads * budget.segment_bytes;
                let total = BASE + sorted + part + threads * part / 4 + budget.segment_bytes;
                assert!(
                    total <= limit && total > limit * 9 / 10,
                    "{total} of {limit}"
                );
                let with_fuse = BASE + sorted + budget.fuse_bytes + budget.segment_bytes;
                assert!(with_fuse <= limit, "{with_fuse} of {limit}");
            }
        }
        assert!(Budget::within(MIN_MEMORY_LIMIT - 1, 1).is_err());
    }
}
