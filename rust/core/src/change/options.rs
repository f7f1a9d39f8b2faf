//! How a change is made.

use rayon::ThreadPool;

use crate::build::budget::Budget;
use crate::build::options::DEFAULT_SEGMENT_BYTES;
use crate::build::resources;
use crate::error::Result;

/// How a change is made.
#[derive(Clone, Copy, Debug)]
pub struct ChangeOptions {
    /// Threads to use; 0 means one per core.
    pub threads: usize,
    /// Bytes of text of the largest segment that is written.
    pub segment_bytes: u64,
    /// Approximate limit of the memory, in bytes, as for a build; but filters that `merge` unites are held as a
    /// whole.
    pub memory_limit: Option<u64>,
}

impl Default for ChangeOptions {
    fn default() -> Self {
        Self {
            threads: 0,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            memory_limit: None,
        }
    }
}

impl ChangeOptions {
    pub(super) fn resources(self) -> Result<(ThreadPool, Budget)> {
        resources::resources(self.threads, self.segment_bytes, self.memory_limit)
    }
}
