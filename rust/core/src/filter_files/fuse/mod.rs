//! The file of a fuse filter.

pub mod build;
pub mod file;
