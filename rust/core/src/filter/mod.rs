//! Filters of n-grams as algorithms: which bits a hash sets, and how large a filter has to be.
//!
//! Nothing here knows about files; [`crate::filter_files`] does.

pub mod bloom;
pub mod cardinality;
pub mod fuse;
pub mod redis_bloom;
pub mod sizing;
