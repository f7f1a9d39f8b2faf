//! Builds an index: documents are normalised and written to the disk as they arrive, and structures are then made
//! over them.

pub mod amount;
pub mod budget;
pub mod builder;
pub mod estimate;
pub mod finish;
pub mod ingest;
pub mod left_out;
pub mod options;
pub mod places;
mod prepared;
pub mod resources;
pub mod sorting;
