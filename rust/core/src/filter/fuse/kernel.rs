//! The inner loop over many hashes. The three slots of a hash are prefetched one batch ahead, so a filter larger than
//! the cache is limited by the bandwidth of memory, not by its latency.

use super::partition::{Partition, partition_of};
use crate::memory::prefetch::prefetch;

/// Hashes per batch: slots are prefetched 32 to 64 lookups ahead, as in the Bloom filter.
const BATCH: usize = 32;

type Located = [([usize; 3], u16); BATCH];

#[inline(always)]
fn locate(
    partitions: &[Partition],
    fingerprints: &[u16],
    batch: Option<&[u64]>,
    located: &mut Located,
) {
    for (located, &hash) in located.iter_mut().zip(batch.unwrap_or_default()) {
        let (number, fraction) = partition_of(hash, partitions.len());
        *located = partitions[number].locate(hash, fraction);
        for slot in located.0 {
            prefetch(fingerprints, slot);
        }
    }
}

/// Calls `visit` with the three slots of each hash.
pub(super) fn for_each_slot(
    partitions: &[Partition],
    hashes: &[u64],
    mut visit: impl FnMut(usize),
) {
    if partitions.is_empty() {
        return;
    }
    for &hash in hashes {
        let (number, fraction) = partition_of(hash, partitions.len());
        let (slots, _) = partitions[number].locate(hash, fraction);
        slots.into_iter().for_each(&mut visit);
    }
}

/// Sets `hits[i]` where the filter may hold `hashes[i]`.
pub(super) fn mark_hits(
    partitions: &[Partition],
    fingerprints: &[u16],
    hashes: &[u64],
    hits: &mut [bool],
) {
    if partitions.is_empty() {
        return;
    }
    // A damaged directory can point anywhere; slots beyond the end count as zero.
    let at = |slot: usize| fingerprints.get(slot).copied().unwrap_or(0);
    let (mut located, mut next) = (&mut [([0; 3], 0); BATCH], &mut [([0; 3], 0); BATCH]);
    let mut ahead = hashes.chunks(BATCH);
    locate(partitions, fingerprints, ahead.next(), located);
    for hits in hits.chunks_mut(BATCH) {
        locate(partitions, fingerprints, ahead.next(), next);
        for (&([first, second, third], fingerprint), hit) in located.iter().zip(hits) {
            *hit |= fingerprint == at(first) ^ at(second) ^ at(third);
        }
        std::mem::swap(&mut located, &mut next);
    }
}
