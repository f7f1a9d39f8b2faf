//! Cache-line blocked Bloom filter (signatures; bodies follow).
#![allow(unused_variables)]

use std::marker::PhantomData;

/// u64 words of a block.
pub const BLOCK_WORDS: usize = 8;
pub const DEFAULT_BITS_PER_NGRAM: f64 = 16.0;
/// Changes when the bits of a key change: an index records it.
pub const VERSION: u32 = 1;

/// Words (a multiple of `BLOCK_WORDS`, at least one block) for `ngrams` distinct n-grams.
pub fn words_for(ngrams: u64, bits_per_ngram: f64) -> usize {
    unimplemented!()
}
/// Bits an n-gram for the false-positive rate `fpr`.
pub fn fpr_to_bits(fpr: f64) -> f64 {
    unimplemented!()
}
/// False-positive rate of `bits` bits an n-gram.
pub fn bits_to_fpr(bits: f64) -> f64 {
    unimplemented!()
}

/// Fills the words of a filter from many threads: one `BloomInserter` a thread.
pub struct BloomBuilder<'a> {
    words: PhantomData<&'a mut [u64]>,
}
impl<'a> BloomBuilder<'a> {
    /// `words`: zeroed (or an existing filter's, to add to it), a memory map or a vector. None unless whole blocks.
    pub fn new(words: &'a mut [u64]) -> Option<Self> {
        unimplemented!()
    }
    pub fn inserter(&self) -> BloomInserter<'_, 'a> {
        unimplemented!()
    }
}
/// Buffers one thread's hashes by partition; what is left is written when it is dropped.
pub struct BloomInserter<'b, 'a> {
    builder: &'b BloomBuilder<'a>,
}
impl BloomInserter<'_, '_> {
    pub fn insert(&mut self, hashes: &[u64]) {
        unimplemented!()
    }
}

/// Read-only view of a filter's words, e.g. of a memory map.
#[derive(Clone, Copy, Debug)]
pub struct Bloom<'a> {
    words: &'a [u64],
}
impl<'a> Bloom<'a> {
    /// None unless `words` is one or more whole blocks.
    pub fn new(words: &'a [u64]) -> Option<Self> {
        unimplemented!()
    }
    pub fn contains(&self, hash: u64) -> bool {
        unimplemented!()
    }
    /// ORs membership into `hits` (same length as `hashes`), so that several filters can be asked in turn.
    pub fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        unimplemented!()
    }
    pub fn count_hits(&self, hashes: &[u64]) -> usize {
        unimplemented!()
    }
    /// Share of bits set. Reads the whole filter.
    pub fn fill(&self) -> f64 {
        unimplemented!()
    }
    /// False-positive rate from the actual fill of each block. Reads the whole filter.
    pub fn estimated_fpr(&self) -> f64 {
        unimplemented!()
    }
}
