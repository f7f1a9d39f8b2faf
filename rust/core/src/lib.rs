//! N-gram Bloom filter and suffix index of a trusted corpus.

pub mod bloom;
pub mod cardinality;
pub mod locate;
pub mod ngram;
pub mod spans;
pub mod squash;
pub mod suffix;
