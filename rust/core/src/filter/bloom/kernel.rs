//! The inner loops over many hashes, compiled once per vector width and chosen at run time.
//!
//! All versions have the same source and differ only in the instructions that the compiler may use. Blocks are
//! prefetched one batch ahead, so a filter larger than the cache is limited by the bandwidth of memory, not by its
//! latency.

use super::block::Block;
use crate::memory::prefetch::prefetch;

/// Hashes per batch: blocks are prefetched 32 to 64 lookups ahead.
const BATCH: usize = 32;
/// Makes the lane bits from all bits of the hash below those that choose the block.
const LANE_FACTOR: u64 = 0xD1B5_4A32_D192_ED03;

/// Returns which of `blocks` blocks holds `hash`: the hash as a fraction of 2^64, times `blocks`.
#[inline(always)]
pub(super) fn block_of(hash: u64, blocks: usize) -> usize {
    ((u128::from(hash) * blocks as u128) >> 64) as usize
}

/// Returns one bit per lane, each chosen by six bits of the product's upper 49. (The topmost bit is not used, so that
/// all lanes need the same mask; otherwise the compiler would treat the last lane separately.)
#[inline(always)]
fn lane_bits(hash: u64) -> Block {
    const SHIFTS: [u32; 8] = [15, 21, 27, 33, 39, 45, 51, 57];
    let product = hash.wrapping_mul(LANE_FACTOR);
    SHIFTS.map(|shift| 1 << ((product >> shift) & 63))
}

/// Stores which blocks, counted from `first_block`, hold the next batch of hashes, and prefetches them.
#[inline(always)]
fn locate(
    blocks: &[Block],
    first_block: usize,
    total_blocks: usize,
    batch: Option<&[u64]>,
    located: &mut [usize; BATCH],
) {
    for (index, &hash) in located.iter_mut().zip(batch.unwrap_or_default()) {
        *index = block_of(hash, total_blocks) - first_block;
        prefetch(blocks, *index);
    }
}

#[inline(always)]
fn mark_hits_portable(blocks: &[Block], hashes: &[u64], hits: &mut [bool]) {
    let (mut located, mut next) = (&mut [0; BATCH], &mut [0; BATCH]);
    let mut ahead = hashes.chunks(BATCH);
    locate(blocks, 0, blocks.len(), ahead.next(), located);
    for (hashes, hits) in hashes.chunks(BATCH).zip(hits.chunks_mut(BATCH)) {
        locate(blocks, 0, blocks.len(), ahead.next(), next);
        for ((&hash, hit), &index) in hashes.iter().zip(hits).zip(&*located) {
            *hit |= holds(&blocks[index], &lane_bits(hash));
        }
        std::mem::swap(&mut located, &mut next);
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
    let (mut located, mut next) = (&mut [0; BATCH], &mut [0; BATCH]);
    let mut ahead = hashes.chunks(BATCH);
    locate(blocks, first_block, total_blocks, ahead.next(), located);
    for hashes in hashes.chunks(BATCH) {
        locate(blocks, first_block, total_blocks, ahead.next(), next);
        for (&hash, &index) in hashes.iter().zip(&*located) {
            for (lane, bit) in blocks[index].iter_mut().zip(lane_bits(hash)) {
                *lane |= bit;
            }
        }
        std::mem::swap(&mut located, &mut next);
    }
}

/// The bits set, and of every block the number of keys (of 64^8) whose bits are all set, summed.
#[inline(always)]
fn measure_portable(blocks: &[Block]) -> (u64, f64) {
    let (mut ones, mut chances) = (0, 0.0);
    for block in blocks {
        let counts = block.map(|lane| u64::from(lane.count_ones()));
        ones += counts.iter().sum::<u64>();
        chances += counts.iter().product::<u64>() as f64;
    }
    (ones, chances)
}

/// The bits set, and of every block the number of keys (of 64^8) whose bits are all set, summed.
pub(super) fn measure(blocks: &[Block]) -> (u64, f64) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has this feature; `every_vector_width_gives_the_same_filter` runs this path.
        return unsafe { measure_popcnt(blocks) };
    }
    measure_portable(blocks)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn measure_popcnt(blocks: &[Block]) -> (u64, f64) {
    measure_portable(blocks)
}

/// Sets `hits[i]` where the filter may hold `hashes[i]`.
pub(super) fn mark_hits(blocks: &[Block], hashes: &[u64], hits: &mut [bool]) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has these features; `every_vector_width_gives_the_same_filter` runs this path.
            return unsafe { mark_hits_avx512(blocks, hashes, hits) };
        }
        if has_avx2() {
            // SAFETY: as above.
            return unsafe { mark_hits_avx2(blocks, hashes, hits) };
        }
    }
    mark_hits_portable(blocks, hashes, hits);
}

/// Inserts `hashes`, all of which fall into `blocks`, the part of a filter of `total_blocks` that starts at
/// `first_block`.
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
        if has_avx2() {
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
        && std::arch::is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("bmi2")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(first: u64, count: u64) -> Vec<u64> {
        let mixed = |i: u64| (i ^ (i << 32) ^ 0x1234_5678).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (first..first + count).map(mixed).collect()
    }

    type Insert = fn(&mut [Block], usize, usize, &[u64]);
    type Mark = fn(&[Block], &[u64], &mut [bool]);

    /// Lists the version that run-time selection chooses, the portable one, and every wider one that this processor
    /// can run.
    fn versions() -> Vec<(Insert, Mark)> {
        let mut versions: Vec<(Insert, Mark)> =
            vec![(insert, mark_hits), (insert_portable, mark_hits_portable)];
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx2() {
                versions.push((
                    // SAFETY: the processor has AVX2.
                    |blocks, first, total, hashes| unsafe {
                        insert_avx2(blocks, first, total, hashes)
                    },
                    // SAFETY: the processor has AVX2.
                    |blocks, hashes, hits| unsafe { mark_hits_avx2(blocks, hashes, hits) },
                ));
            }
            if has_avx512() {
                versions.push((
                    // SAFETY: the processor has AVX-512.
                    |blocks, first, total, hashes| unsafe {
                        insert_avx512(blocks, first, total, hashes)
                    },
                    // SAFETY: the processor has AVX-512.
                    |blocks, hashes, hits| unsafe { mark_hits_avx512(blocks, hashes, hits) },
                ));
            }
        }
        versions
    }

    #[test]
    fn every_vector_width_gives_the_same_filter() {
        let (inserted, asked) = (hashes(0, 1003), hashes(500, 1001));
        let results: Vec<_> = versions()
            .into_iter()
            .map(|(insert, mark_hits)| {
                let mut blocks = vec![Block::default(); 37];
                insert(&mut blocks, 0, 37, &inserted);
                let mut hits = vec![false; asked.len()];
                mark_hits(&blocks, &asked, &mut hits);
                (blocks, hits)
            })
            .collect();
        for result in &results {
            assert_eq!(result, &results[0]);
            assert_eq!(measure(&result.0), measure_portable(&result.0));
        }
        assert!(results[0].1[..503].iter().all(|&hit| hit));
        assert!(!results[0].1.iter().all(|&hit| hit));
    }
}
