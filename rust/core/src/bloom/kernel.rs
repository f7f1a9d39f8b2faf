//! The inner loops over many hashes, compiled once for each vector width and chosen at run time.
//!
//! All versions are the same source: what differs is what the compiler may use. Blocks are prefetched one batch ahead,
//! so that a filter larger than the cache costs the memory's bandwidth and not its latency.

use super::Block;

/// Hashes a batch; the prefetch distance. Measured: 16 to 64 are equally good.
const BATCH: usize = 32;
/// Makes the lane bits from all bits of the hash below those that chose the block.
const LANE_FACTOR: u64 = 0xD1B5_4A32_D192_ED03;

/// Which block of `blocks` holds `hash`: the hash as a fraction of 2^64, times `blocks`.
#[inline(always)]
pub(super) fn block_of(hash: u64, blocks: usize) -> usize {
    ((u128::from(hash) * blocks as u128) >> 64) as usize
}

/// One bit for each lane: six bits of the product each, from its top 48.
#[inline(always)]
fn lane_bits(hash: u64) -> Block {
    const SHIFTS: [u32; 8] = [16, 22, 28, 34, 40, 46, 52, 58];
    let product = hash.wrapping_mul(LANE_FACTOR);
    SHIFTS.map(|shift| 1 << ((product >> shift) & 63))
}

/// Prefetches the blocks of a batch and tells which they are.
#[inline(always)]
fn locate(
    blocks: &[Block],
    first_block: usize,
    total_blocks: usize,
    hashes: &[u64],
) -> [usize; BATCH] {
    let mut located = [0; BATCH];
    for (index, &hash) in located.iter_mut().zip(hashes) {
        *index = block_of(hash, total_blocks) - first_block;
        prefetch(blocks, *index);
    }
    located
}

#[inline(always)]
fn prefetch(blocks: &[Block], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = blocks.as_ptr().wrapping_add(index).cast();
        // SAFETY: a prefetch reads nothing and is defined for any address; every test of the filter passes here.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (blocks, index);
}

#[inline(always)]
fn mark_hits_portable(blocks: &[Block], hashes: &[u64], hits: &mut [bool]) {
    let mut ahead = hashes.chunks(BATCH);
    let mut located = locate(blocks, 0, blocks.len(), ahead.next().unwrap_or(&[]));
    for (hashes, hits) in hashes.chunks(BATCH).zip(hits.chunks_mut(BATCH)) {
        let next = locate(blocks, 0, blocks.len(), ahead.next().unwrap_or(&[]));
        for ((&hash, hit), &index) in hashes.iter().zip(hits).zip(&located) {
            *hit |= holds(&blocks[index], &lane_bits(hash));
        }
        located = next;
    }
}

#[inline(always)]
fn holds(block: &Block, bits: &Block) -> bool {
    let mut missing = 0;
    for lane in 0..block.len() {
        missing |= bits[lane] & !block[lane];
    }
    missing == 0
}

#[inline(always)]
fn insert_portable(blocks: &mut [Block], first_block: usize, total_blocks: usize, hashes: &[u64]) {
    let mut ahead = hashes.chunks(BATCH);
    let mut located = locate(
        blocks,
        first_block,
        total_blocks,
        ahead.next().unwrap_or(&[]),
    );
    for hashes in hashes.chunks(BATCH) {
        let next = locate(
            blocks,
            first_block,
            total_blocks,
            ahead.next().unwrap_or(&[]),
        );
        for (&hash, &index) in hashes.iter().zip(&located) {
            let bits = lane_bits(hash);
            for (lane, bit) in blocks[index].iter_mut().zip(bits) {
                *lane |= bit;
            }
        }
        located = next;
    }
}

/// Sets `hits[i]` where the filter may hold `hashes[i]`.
pub(super) fn mark_hits(blocks: &[Block], hashes: &[u64], hits: &mut [bool]) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has these features; `every_vector_width_gives_the_same_filter` runs this path.
            return unsafe { mark_hits_avx512(blocks, hashes, hits) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { mark_hits_avx2(blocks, hashes, hits) };
        }
    }
    mark_hits_portable(blocks, hashes, hits);
}

/// Inserts `hashes`, all of which lie in `blocks`: those from `first_block` on of a filter of `total_blocks`.
pub(super) fn insert(
    blocks: &mut [Block],
    first_block: usize,
    total_blocks: usize,
    hashes: &[u64],
) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has these features; `every_vector_width_gives_the_same_filter` runs this path.
            return unsafe { insert_avx512(blocks, first_block, total_blocks, hashes) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { insert_avx2(blocks, first_block, total_blocks, hashes) };
        }
    }
    insert_portable(blocks, first_block, total_blocks, hashes);
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,bmi2")]
fn mark_hits_avx512(blocks: &[Block], hashes: &[u64], hits: &mut [bool]) {
    mark_hits_portable(blocks, hashes, hits);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2")]
fn mark_hits_avx2(blocks: &[Block], hashes: &[u64], hits: &mut [bool]) {
    mark_hits_portable(blocks, hashes, hits);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,bmi2")]
fn insert_avx512(blocks: &mut [Block], first_block: usize, total_blocks: usize, hashes: &[u64]) {
    insert_portable(blocks, first_block, total_blocks, hashes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2")]
fn insert_avx2(blocks: &mut [Block], first_block: usize, total_blocks: usize, hashes: &[u64]) {
    insert_portable(blocks, first_block, total_blocks, hashes);
}
