//! Fills a filter from several threads.
//!
//! Atomic operations on eight lanes per key would cost more than hashing the text. Instead, each thread sorts its
//! hashes into partitions of the filter and takes a partition's lock once for hundreds of them.

use std::sync::{Mutex, PoisonError};

use super::block::{BLOCK_WORDS, Block};
use super::kernel;
use crate::memory::large_pages::LargePages;

/// Blocks per partition: half of a second-level cache.
const PARTITION_BLOCKS: usize = 1 << 13;
/// With more partitions, a thread would miss the cache while it collects their hashes.
const MAX_PARTITIONS: usize = 1 << 12;
/// Hashes that a thread collects for a partition before it takes its lock: several per block, so that a block is
/// fetched from memory once for all of them. `MAX_PENDING` limits the hashes of all partitions together.
const PENDING_PER_BLOCK: usize = 2;
const MAX_PENDING: usize = 1 << 24;
/// Gap between the buffers of two partitions, which fill at the same speed: a page and a cache line. It keeps the
/// places where the next hashes go from falling into the same set of a cache or of the page table's cache.
const PADDING: usize = (4096 + 64) / size_of::<u64>();

fn partition_blocks(blocks: usize) -> usize {
    let least = blocks.div_ceil(MAX_PARTITIONS).next_power_of_two();
    least.max(PARTITION_BLOCKS)
}

/// Returns the hashes that a thread collects per partition.
fn most_pending(partitions: usize, partition_blocks: usize) -> usize {
    (MAX_PENDING / partitions).min(partition_blocks * PENDING_PER_BLOCK)
}

/// Returns the bytes of memory that a thread needs to fill `words` words.
pub fn pending_bytes(words: usize) -> u64 {
    let blocks = (words / BLOCK_WORDS).max(1);
    let partition_blocks = partition_blocks(blocks);
    let partitions = blocks.div_ceil(partition_blocks);
    let most = most_pending(partitions, partition_blocks);
    (partitions * (most + PADDING) * size_of::<u64>()) as u64
}

/// A filter, or a part of one, while it is filled. Give each thread its own [`BloomBuilder::inserter`].
pub struct BloomBuilder<'a> {
    partitions: Vec<Mutex<&'a mut [Block]>>,
    partition_blocks: usize,
    first_block: usize,
    blocks: usize,
    total_blocks: usize,
}

impl<'a> BloomBuilder<'a> {
    /// Fills `words`, which are zeros or a filter that is added to, in a vector or a writable memory map. Returns
    /// None unless they are one or more whole blocks.
    pub fn new(words: &'a mut [u64]) -> Option<Self> {
        let total_words = words.len();
        Self::part(words, 0, total_words)
    }

    /// Fills the part of a filter of `total_words` that starts at `first_word`; hashes of other parts are skipped.
    /// Returns None unless all three are whole blocks.
    pub fn part(words: &'a mut [u64], first_word: usize, total_words: usize) -> Option<Self> {
        let (blocks, rest) = words.as_chunks_mut();
        let whole = |words: usize| words.is_multiple_of(BLOCK_WORDS);
        if !rest.is_empty() || blocks.is_empty() || !whole(first_word) || !whole(total_words) {
            return None;
        }
        let partition_blocks = partition_blocks(blocks.len());
        Some(Self {
            first_block: first_word / BLOCK_WORDS,
            blocks: blocks.len(),
            total_blocks: total_words / BLOCK_WORDS,
            partitions: blocks
                .chunks_mut(partition_blocks)
                .map(Mutex::new)
                .collect(),
            partition_blocks,
        })
    }

    /// Returns an inserter for one thread.
    pub fn inserter(&self) -> BloomInserter<'_, 'a> {
        let partitions = self.partitions.len();
        let most = most_pending(partitions, self.partition_blocks);
        BloomInserter {
            builder: self,
            pending: LargePages::zeros(partitions * (most + PADDING)),
            lengths: vec![0; partitions],
            most,
        }
    }
}

/// Collects the hashes of one thread by partition. Pending hashes go into the filter when it is dropped.
pub struct BloomInserter<'b, 'a> {
    builder: &'b BloomBuilder<'a>,
    /// Room for `most` hashes per partition.
    pending: LargePages<u64>,
    lengths: Vec<usize>,
    most: usize,
}

impl BloomInserter<'_, '_> {
    /// Inserts `hashes`.
    pub fn insert(&mut self, hashes: &[u64]) {
        let builder = self.builder;
        let (shift, most) = (builder.partition_blocks.trailing_zeros(), self.most);
        for &hash in hashes {
            // Hashes of earlier parts wrap around to numbers beyond all blocks of this part.
            let block =
                kernel::block_of(hash, builder.total_blocks).wrapping_sub(builder.first_block);
            if block >= builder.blocks {
                continue;
            }
            let partition = block >> shift;
            let length = self.lengths[partition];
            self.pending[partition * (most + PADDING) + length] = hash;
            self.lengths[partition] = length + 1;
            if length + 1 == most {
                self.flush(partition);
            }
        }
    }

    fn flush(&mut self, partition: usize) {
        let builder = self.builder;
        let mut blocks = builder.partitions[partition]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first_block = builder.first_block + partition * builder.partition_blocks;
        let length = std::mem::take(&mut self.lengths[partition]);
        kernel::insert(
            &mut blocks,
            first_block,
            builder.total_blocks,
            &self.pending[partition * (self.most + PADDING)..][..length],
        );
    }
}

impl Drop for BloomInserter<'_, '_> {
    fn drop(&mut self) {
        for partition in 0..self.lengths.len() {
            self.flush(partition);
        }
    }
}
