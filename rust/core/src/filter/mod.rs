//! Filters of n-grams as algorithms: what bits a hash leads to, and how large a filter has to be.
//!
//! Nothing here knows of files; [`crate::filter_files`] does.

pub mod bloom;
pub mod cardinality;
pub mod fuse;
pub mod redis_bloom;
pub mod sizing;
