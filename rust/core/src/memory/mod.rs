//! Slow memory: large pages, prefetching, and several reads in flight at once.

pub mod large_pages;
pub(crate) mod prefetch;
pub mod side_by_side;
