//! Memory of a machine that is slow to reach: large pages, prefetching, and waiting for several reads together.

pub mod large_pages;
pub(crate) mod prefetch;
pub mod side_by_side;
