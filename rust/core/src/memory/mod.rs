//! Slow memory: large pages, prefetching, several reads in flight at once, and mapped files that are not in memory or are
//! cut meanwhile.

mod bus_error;
pub mod cold;
pub mod guarded_map;
pub mod large_pages;
pub(crate) mod prefetch;
pub mod side_by_side;
