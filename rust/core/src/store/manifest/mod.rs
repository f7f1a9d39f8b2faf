//! `manifest.json`: what an index is made of. The only file that names others.

mod contents;
mod entries;
mod file;
mod filters;
mod unicode;

pub use contents::Manifest;
pub use entries::{
    Counts, FileEntry, HashEntry, NormalizationEntry, RecordKeys, SegmentEntry, agreed,
};
pub use filters::{FilterEntries, FilterEntry, FuseFilterEntry, ImportedFilterEntry};
