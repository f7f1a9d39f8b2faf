//! A partition of a filter: its size, and the three slots of a key in it.

use bytemuck::{Pod, Zeroable};

/// The longest segment. Longer ones would save nothing, and nearby slots share pages.
const LONGEST_SEGMENT: f64 = 262_144.0;
/// Segments that the slots of a key are in.
const ARITY: usize = 3;

/// One partition, as the directory of a filter stores it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Partition {
    /// Slots of the partitions before it.
    pub offset: u64,
    /// The seed with which the construction succeeded.
    pub seed: u64,
    /// Slots per segment, a power of two.
    pub segment_length: u32,
    /// Segments that a key's first slot may be in; two more follow.
    pub segments: u32,
    /// Distinct keys in it.
    pub keys: u64,
}

/// Returns which of `partitions` holds `hash`, and where in it, as a fraction of 2^64. Both grow with the hash.
#[inline(always)]
pub fn partition_of(hash: u64, partitions: usize) -> (usize, u64) {
    let product = u128::from(hash) * partitions as u128;
    ((product >> 64) as usize, product as u64)
}

impl Partition {
    /// Returns a partition with room for `keys` keys, by the paper's formulas for three slots per key (section 4),
    /// times `slack`.
    pub fn sized(keys: usize, seed: u64, slack: f64) -> Self {
        // The formula has no value below two keys; a few extra slots cost nothing.
        let size = keys.max(2) as f64;
        let length = 2f64.powf((size.ln() / 3.33f64.ln() + 2.25).floor());
        let segment_length = length.min(LONGEST_SEGMENT);
        let factor = (0.875 + 0.25 * 1e6f64.ln() / size.ln()).max(1.125) * slack;
        let all = (size * factor / segment_length).ceil() as u32;
        Self {
            offset: 0,
            seed,
            segment_length: segment_length as u32,
            segments: all.max(ARITY as u32) - (ARITY as u32 - 1),
            keys: keys as u64,
        }
    }

    /// Returns the number of slots, or None if it overflows.
    pub fn slots(&self) -> Option<u64> {
        let segments = u64::from(self.segments) + ARITY as u64 - 1;
        segments.checked_mul(self.segment_length.into())
    }

    /// Whether such a partition could have been constructed and ends within `slots` slots.
    pub fn is_possible(&self, slots: u64) -> bool {
        let end = self.slots().and_then(|own| own.checked_add(self.offset));
        self.segment_length.is_power_of_two()
            && self.segments > 0
            && end.is_some_and(|end| end <= slots)
    }

    /// Returns the slots of the key `hash`, which is at `fraction` of this partition, and its fingerprint.
    ///
    /// The first slot grows with the hash, so sorted keys move through the partition from front to back. The seed
    /// decides the other two. A damaged directory gives arbitrary numbers.
    #[inline(always)]
    pub fn locate(&self, hash: u64, fraction: u64) -> ([usize; ARITY], u16) {
        let length = u64::from(self.segment_length);
        let firsts = length * u64::from(self.segments);
        let first = ((u128::from(fraction) * u128::from(firsts)) >> 64) as u64;
        let mixed = mix(hash ^ self.seed);
        let mask = length.wrapping_sub(1);
        let second = first.wrapping_add(length) ^ (mixed & mask);
        let third = first.wrapping_add(2 * length) ^ ((mixed >> 20) & mask);
        let slots = [first, second, third].map(|slot| slot.wrapping_add(self.offset) as usize);
        (slots, (mixed >> 48) as u16)
    }
}

/// Spreads a hash over all bits again, differently for each seed combined with it (MurmurHash3's finaliser).
#[inline(always)]
fn mix(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    mixed ^ (mixed >> 33)
}

/// Returns the seed of an attempt at construction.
pub(super) fn seed_of(attempt: u32) -> u64 {
    mix(u64::from(attempt) + 1)
}
