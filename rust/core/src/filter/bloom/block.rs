//! A block of a filter: one cache line.

/// 64-bit words of a block: one cache line.
pub const BLOCK_WORDS: usize = 8;

pub type Block = [u64; BLOCK_WORDS];
