//! Memory of a machine that is slow to reach: large pages, prefetching, waiting for several reads together, and mapped
//! files that are cut meanwhile.

pub mod guarded_map;
pub mod large_pages;
pub(crate) mod prefetch;
pub mod side_by_side;
