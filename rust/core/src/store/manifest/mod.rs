//! `manifest.json`: what an index is made of. The only file that names others.

mod contents;
mod entries;
mod file;
mod unicode;

pub use contents::Manifest;
pub use entries::{
    Counts, FileEntry, FilterEntry, FuseFilterEntry, HashEntry, ImportedFilterEntry,
    NormalizationEntry, RecordKeys, SegmentEntry,
};
