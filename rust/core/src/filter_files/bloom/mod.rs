//! The file of a Bloom filter.

pub mod build;
pub mod file;
