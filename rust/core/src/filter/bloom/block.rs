//! The block of a filter: one cache line.

/// 64-bit words per block, which is one cache line.
pub const BLOCK_WORDS: usize = 8;

pub type Block = [u64; BLOCK_WORDS];
