//! Cache-line blocked Bloom filter of n-gram hashes.
//!
//! A key sets one bit in each of the eight 64-bit lanes of one 64-byte block, so a lookup costs one cache miss. A
//! filter is a plain slice of words, which a memory map can provide. [`Bloom`] reads it, [`BloomBuilder`] fills it
//! from several threads, and [`words_for`] sizes it by the number of distinct n-grams (see
//! [`crate::filter::cardinality`]).

mod block;
mod builder;
mod kernel;
mod sizing;
mod stretches;
mod view;

pub use block::BLOCK_WORDS;
pub use builder::{BloomBuilder, BloomInserter, pending_bytes};
pub use sizing::{BITS_PER_NGRAM, DEFAULT_BITS_PER_NGRAM, bits_to_fpr, fpr_to_bits, words_for};
pub use stretches::Stretches;
pub use view::{Bloom, Measure, VERSION};
