//! Queries of a filter.

use super::kernel;
use super::partition::Partition;
use crate::memory::cold::ask_for;

/// Changes when the slots or the fingerprint of a hash change. The file of a filter records it.
pub const VERSION: u32 = 1;
/// Probability that a key that is not in the filter is reported.
pub const FPR: f64 = 1.0 / 65536.0;

/// Read-only view of a filter.
///
/// ```
/// use quotetune_core::filter::fuse::{Fuse, construct::construct};
/// let (partition, fingerprints) = construct(&[17, 1 << 63], 1, || Ok(())).unwrap();
/// let fuse = Fuse::new(std::slice::from_ref(&partition), &fingerprints);
/// let mut hits = [false; 3];
/// fuse.mark_hits(&[17, 18, 1 << 63], &mut hits);
/// assert_eq!(hits, [true, false, true]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fuse<'a> {
    partitions: &'a [Partition],
    fingerprints: &'a [u16],
}

impl<'a> Fuse<'a> {
    /// Returns the filter of `partitions`, in order, over the slots of all of them. Any values are safe to query;
    /// without a partition the filter holds nothing.
    pub fn new(partitions: &'a [Partition], fingerprints: &'a [u16]) -> Self {
        Self {
            partitions,
            fingerprints,
        }
    }

    /// Asks for the pages that `mark_hits` reads, unless they are in memory.
    pub fn ask_for(&self, hashes: &[u64]) {
        kernel::for_each_slot(self.partitions, hashes, |slot| {
            ask_for(self.fingerprints, slot);
        });
    }

    /// Sets `hits[i]` if the filter may hold `hashes[i]` and leaves the others.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        assert_eq!(hashes.len(), hits.len(), "one hit per hash");
        kernel::mark_hits(self.partitions, self.fingerprints, hashes, hits);
    }
}
