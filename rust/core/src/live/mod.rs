//! An index that changes: documents are added and removed, segments merged, and indexes built apart become one.
//!
//! Files are never written again. A command makes new ones in a directory beside them ([`change`]), from a [`draft`] that
//! says which segments stand as they are, which are written anew from the stored text ([`tiers`]), and which filters go
//! with them ([`filters`]). Then a new manifest takes the place of the old one, and what only the old one named goes.

mod add;
mod change;
mod compact;
mod draft;
mod filters;
mod merge;
mod remove;
mod tiers;

pub use add::Addition;
pub use compact::compact;
pub use merge::merge;
pub use remove::remove;

use rayon::ThreadPool;

use crate::budget::Budget;
use crate::builder::{DEFAULT_SEGMENT_BYTES, thread_pool};
use crate::error::Result;
use crate::suffix;

/// How a change is made.
#[derive(Clone, Copy, Debug)]
pub struct ChangeOptions {
    /// Threads to work on; 0: one a core.
    pub threads: usize,
    /// Bytes of text of the largest segment that is written.
    pub segment_bytes: u64,
    /// Bytes of memory to stay within, about, as for a build; filters that are united are held whole.
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
    /// The threads, and what they may take.
    fn means(self) -> Result<(ThreadPool, Budget)> {
        let pool = thread_pool(self.threads)?;
        let segment_bytes = self.segment_bytes.min(suffix::MAX_TEXT as u64);
        let budget = Budget::new(self.memory_limit, segment_bytes, pool.current_num_threads())?;
        Ok((pool, budget))
    }
}
