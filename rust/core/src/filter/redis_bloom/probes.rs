//! Looks up many windows in the bits of a filter.

use super::murmur::WindowHashes;
use crate::memory::prefetch::prefetch;

/// Interleaved lookups of many n-grams.
///
/// The first bit of every n-gram is tested, then the second bit of those whose first is set, and so on. Half of the
/// n-grams that the filter does not hold drop out in every round; testing all bits of an n-gram at once would cost
/// one cache miss per hash. The bits of a round are prefetched before any of them is read.
#[derive(Default)]
pub struct Probes {
    pub hits: Vec<bool>,
    /// Windows whose bits were all set so far, each with the bit that is tested next.
    alive: Vec<(usize, u64)>,
}

impl Probes {
    pub fn run(&mut self, bits: &[u8], modulus: Modulus, rounds: u32, hashes: &mut WindowHashes) {
        let (sums, steps) = (&mut hashes.first, &hashes.second);
        self.hits.clear();
        self.hits.resize(sums.len(), false);
        self.alive.clear();
        self.alive.extend((0..sums.len()).map(|window| (window, 0)));
        for _ in 0..rounds {
            if self.alive.is_empty() {
                return;
            }
            for (window, bit) in &mut self.alive {
                *bit = modulus.of(sums[*window]);
                sums[*window] = sums[*window].wrapping_add(steps[*window]);
                prefetch(bits, (*bit / 8) as usize);
            }
            self.alive
                .retain(|&(_, bit)| bits[(bit / 8) as usize] >> (bit % 8) & 1 == 1);
        }
        for &(window, _) in &self.alive {
            self.hits[window] = true;
        }
    }
}

/// Repeated remainders by the same number, by multiplication instead of division (Barrett).
#[derive(Clone, Copy)]
pub struct Modulus {
    modulus: u64,
    reciprocal: u64,
}

impl Modulus {
    pub fn new(modulus: u64) -> Self {
        Self {
            modulus,
            reciprocal: u64::MAX / modulus,
        }
    }

    #[inline(always)]
    fn of(self, number: u64) -> u64 {
        // At most two below the true quotient: one is lost by the reciprocal, one by the shift.
        let quotient = (u128::from(number) * u128::from(self.reciprocal)) >> 64;
        let mut rest = number - quotient as u64 * self.modulus;
        for _ in 0..2 {
            if rest >= self.modulus {
                rest -= self.modulus;
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_remainder_is_that_of_a_division(number: u64, modulus in 1u64.., shift in 0u32..64) {
            for modulus in [modulus, (modulus >> shift).max(1), 1 << shift] {
                let barrett = Modulus::new(modulus);
                for number in [number, number >> shift, u64::MAX, modulus - 1, modulus] {
                    prop_assert_eq!(barrett.of(number), number % modulus);
                }
            }
        }
    }
}
