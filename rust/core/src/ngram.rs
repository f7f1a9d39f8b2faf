//! Hashes of character n-grams (signatures; bodies follow).
#![allow(unused_variables)]

/// Hashes every window of `n` code points; hashes are final (no further mixing needed).
#[derive(Clone, Debug)]
pub struct NgramHasher {}

impl NgramHasher {
    /// Changes when a hash changes: an index records it.
    pub const VERSION: u32 = 1;
    pub const MAX_N: usize = 64;
    /// `n` in `1..=MAX_N`; panics otherwise.
    pub fn new(n: usize) -> Self {
        unimplemented!()
    }
    pub fn n(&self) -> usize {
        unimplemented!()
    }
    /// Calls `sink` with the hashes of consecutive windows, in order, a few thousand at a time.
    pub fn for_each_chunk(&self, text: &str, mut sink: impl FnMut(&[u64])) {
        unimplemented!()
    }
    /// Appends the hash of every window of `text`.
    pub fn extend_hashes(&self, text: &str, hashes: &mut Vec<u64>) {
        unimplemented!()
    }
}
