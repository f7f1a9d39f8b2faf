//! Binary fuse filter of n-gram hashes (Graf and Lemire 2022, arXiv 2201.01174): static, 16-bit fingerprints.
//!
//! A key's fingerprint is the exclusive or of three slots, which lie in three segments in a row. The slots are found once,
//! when all keys are known, and nothing can be added afterwards; for that a key takes 18 bits, and a key that is not in the
//! filter is taken for one that is with a chance of 2^-16, where a Bloom filter of that size errs thirty times as often.
//!
//! The filter is cut by the hash into [`Partition`]s of some million keys, each constructed by itself ([`construct`]), so that
//! memory is bounded and threads work side by side: [`build`] goes through the text, [`collect`] takes the hashes of as many
//! partitions as fit, and drops those seen before. [`Fuse`] answers from two plain slices that a memory map can provide.

pub mod build;
pub mod collect;
pub mod construct;
pub mod file;
mod kernel;
mod partition;

pub use partition::{Partition, partition_of};

/// Changes when the slots or the fingerprint of a hash change; an index records it.
pub const VERSION: u32 = 1;
/// Chance that a key that is not in the filter has the fingerprint of one that is.
pub const FPR: f64 = 1.0 / 65536.0;

/// Read-only view of a filter.
///
/// ```
/// use quotetune_core::fuse::{Fuse, construct::construct};
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
    /// The filter of `partitions`, in order, over the slots of all of them. Any are safe to ask; without one, nothing is held.
    pub fn new(partitions: &'a [Partition], fingerprints: &'a [u16]) -> Self {
        Self {
            partitions,
            fingerprints,
        }
    }

    /// Sets `hits[i]` where the filter may hold `hashes[i]` and leaves the others.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        assert_eq!(hashes.len(), hits.len(), "one hit a hash");
        kernel::mark_hits(self.partitions, self.fingerprints, hashes, hits);
    }
}
