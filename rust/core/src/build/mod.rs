//! Builds an index: documents are normalised and written to the disk as they arrive, and structures are then made
//! over them.

pub mod budget;
pub mod builder;
pub mod finish;
pub mod ingest;
pub mod options;
pub mod places;
pub mod resources;
pub mod sorting;
