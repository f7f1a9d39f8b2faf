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
use crate::build_options::DEFAULT_SEGMENT_BYTES;
use crate::builder;
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
    fn resources(self) -> Result<(ThreadPool, Budget)> {
        builder::resources(self.threads, self.segment_bytes, self.memory_limit)
    }
}
