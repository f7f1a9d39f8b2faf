//! Filling a filter from several threads.
//!
//! Atomic operations on eight lanes a key would cost more than hashing the text. Instead each thread sorts its hashes
//! into partitions of the filter and takes a partition's lock once for hundreds of them.

use std::sync::{Mutex, PoisonError};

use super::{Block, kernel};

const MAX_PARTITIONS: usize = 256;
/// Hashes a thread collects for a partition before it takes its lock: several for each block of a filter of some hundred
/// megabytes, so that a block is fetched from memory once for all of them. At most 32 MiB a thread.
const PENDING: usize = 16384;

/// A filter that is being filled. Give each thread its own [`BloomBuilder::inserter`].
pub struct BloomBuilder<'a> {
    partitions: Vec<Mutex<&'a mut [Block]>>,
    partition_blocks: usize,
    total_blocks: usize,
}

impl<'a> BloomBuilder<'a> {
    /// Fills `words`: zeros, or a filter that is added to; a vector or a writable memory map. None unless they are one
    /// or more whole blocks.
    pub fn new(words: &'a mut [u64]) -> Option<Self> {
        let (blocks, rest) = words.as_chunks_mut();
        if !rest.is_empty() || blocks.is_empty() {
            return None;
        }
        let total_blocks = blocks.len();
        let partition_blocks = total_blocks.div_ceil(MAX_PARTITIONS).next_power_of_two();
        Some(Self {
            partitions: blocks
                .chunks_mut(partition_blocks)
                .map(Mutex::new)
                .collect(),
            partition_blocks,
            total_blocks,
        })
    }

    /// One thread's way in.
    pub fn inserter(&self) -> BloomInserter<'_, 'a> {
        BloomInserter {
            builder: self,
            pending: vec![Vec::new(); self.partitions.len()],
        }
    }
}

/// Collects one thread's hashes by partition. Those that are still pending go into the filter when it is dropped.
pub struct BloomInserter<'b, 'a> {
    builder: &'b BloomBuilder<'a>,
    pending: Vec<Vec<u64>>,
}

impl BloomInserter<'_, '_> {
    /// Inserts `hashes`.
    pub fn insert(&mut self, hashes: &[u64]) {
        let shift = self.builder.partition_blocks.trailing_zeros();
        for &hash in hashes {
            let partition = kernel::block_of(hash, self.builder.total_blocks) >> shift;
            self.pending[partition].push(hash);
            if self.pending[partition].len() == PENDING {
                self.flush(partition);
            }
        }
    }

    fn flush(&mut self, partition: usize) {
        let builder = self.builder;
        let mut blocks = builder.partitions[partition]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first_block = partition * builder.partition_blocks;
        kernel::insert(
            &mut blocks,
            first_block,
            builder.total_blocks,
            &self.pending[partition],
        );
        self.pending[partition].clear();
    }
}

impl Drop for BloomInserter<'_, '_> {
    fn drop(&mut self) {
        for partition in 0..self.pending.len() {
            self.flush(partition);
        }
    }
}
