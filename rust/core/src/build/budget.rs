//! Divides the memory that a build or a change may take.

use crate::error::{Error, Result};
use crate::filter_files::bloom::build::WHOLE;
use crate::filter_files::fuse::build::DEFAULT_BYTES;

/// Memory that is needed whatever is built: for the interpreter, its libraries, and the batch being read.
const BASE: u64 = 128 << 20;
/// The lowest limit that can be kept, in bytes.
pub const MIN_MEMORY_LIMIT: u64 = 2 * BASE;
/// Bytes of memory per byte of text that a thread sorts: the suffix array and the text.
pub const SORTING: u64 = 5;
/// Bytes that a limit leaves beside them.
const RESERVE: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of text per segment.
    pub segment_bytes: u64,
    /// Words of a filter that are filled at a time.
    pub filter_words: usize,
    /// Bytes for the n-grams of a fuse filter that are collected at a time, and for its construction.
    pub fuse_bytes: u64,
}

impl Budget {
    /// Returns what a limit allows, or what is best without one, with segments of at most `segment_bytes`.
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

    /// Divides `limit` bytes between `threads` threads. One half is for the segments that they sort. The other half
    /// is for a part of the filter, for hashes of a quarter of that part's size per thread, and for the segment that
    /// the filter is filled from.
    fn within(limit: u64, threads: usize) -> Result<Self> {
        if limit < MIN_MEMORY_LIMIT {
            let (limit, least) = (limit >> 20, MIN_MEMORY_LIMIT >> 20);
            return Err(Error::Usage(format!(
                "a memory limit of {limit} MiB: give at least {least} MiB"
            )));
        }
        let (half, threads) = ((limit - BASE) / 2, threads as u64);
        let segment_bytes = half / ((SORTING + RESERVE) * threads);
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
                let sorted = (SORTING + RESERVE) * threads * budget.segment_bytes;
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
