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

use crate::builder::DEFAULT_SEGMENT_BYTES;
use crate::suffix;

/// How a change is made.
#[derive(Clone, Copy, Debug)]
pub struct ChangeOptions {
    /// Threads to work on; 0: one a core.
    pub threads: usize,
    /// Bytes of text of the largest segment that is written.
    pub segment_bytes: u64,
}

impl Default for ChangeOptions {
    fn default() -> Self {
        Self {
            threads: 0,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
        }
    }
}

impl ChangeOptions {
    fn limit(self) -> u64 {
        self.segment_bytes.min(suffix::MAX_TEXT as u64)
    }
}
