//! The file of a Bloom filter.

pub mod build;
pub mod file;
pub mod hash_file;
pub mod stretch;
