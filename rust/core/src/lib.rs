//! N-gram Bloom filter and suffix index of a trusted corpus.

pub mod bloom;
pub mod builder;
pub mod cardinality;
pub mod corpus;
pub mod documents;
pub mod error;
pub mod file;
pub mod fill;
pub mod finish;
pub mod index;
pub mod ingest;
pub mod live;
pub mod locate;
pub mod manifest;
pub mod ngram;
pub mod output;
pub mod segment;
pub mod sizing;
pub mod spans;
pub mod squash;
pub mod suffix;
pub mod verify;
