//! Filters as files of an index: filled from stored text or imported, and queried in place.

pub mod bloom;
pub mod covered;
pub mod fuse;
pub mod redis_bloom;
