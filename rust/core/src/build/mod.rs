//! Building an index: documents stream in and reach the disk normalised, then the structures are made over them.

pub mod budget;
pub mod builder;
pub mod finish;
pub mod ingest;
pub mod left_out;
pub mod options;
pub mod places;
pub mod resources;
pub mod sorting;
