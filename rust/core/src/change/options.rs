//! How a change is made.

use rayon::ThreadPool;

use crate::build::budget::Budget;
use crate::build::options::DEFAULT_SEGMENT_BYTES;
use crate::build::resources;
use crate::error::Result;

/// How a change is made.
#[derive(Clone, Copy, Debug)]
pub struct ChangeOptions {
    /// Threads to work on; 0: one a core.
    pub threads: usize,
    /// Bytes of text of the largest segment that is written.
    pub segment_bytes: u64,
    /// Bytes of memory to stay within, about, as for a build; but a filter that `merge` unites is held whole.
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
