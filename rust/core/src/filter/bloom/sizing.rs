//! Size and false-positive rate of the blocked layout.

use std::ops::RangeInclusive;

use super::block::BLOCK_WORDS;

/// Gives about 0.1% false positives.
pub const DEFAULT_BITS_PER_NGRAM: f64 = 16.0;

const BLOCK_BITS: f64 = (BLOCK_WORDS * 64) as f64;
/// The bits per n-gram that a user can choose, from a filter that says yes to almost everything to one without a
/// false positive in a lifetime.
pub const BITS_PER_NGRAM: RangeInclusive<f64> = 1.0..=256.0;
/// Bounds of the search for the bits that give a rate. The last digits of the result depend on them, so other bounds
/// would change the bytes that a command writes.
const BISECTED: (f64, f64) = (1.0, 1024.0);

/// Returns the 64-bit words of a filter for `ngrams` distinct n-grams: whole blocks, at least one.
pub fn words_for(ngrams: u64, bits_per_ngram: f64) -> usize {
    let blocks = (ngrams as f64 * bits_per_ngram / BLOCK_BITS).ceil() as usize;
    blocks.max(1) * BLOCK_WORDS
}

/// Returns the expected false-positive rate of a filter with `bits` bits per n-gram.
///
/// The number of keys in a block is Poisson distributed with mean 512 / bits. With k keys, each bit of a lane is set
/// with probability 1 - (63/64)^k, and a false positive needs one set bit in each of the eight lanes.
pub fn bits_to_fpr(bits: f64) -> f64 {
    let load = BLOCK_BITS / bits;
    let last = load + 12.0 * load.sqrt() + 40.0;
    let mut probability = (-load).exp();
    let mut fpr = 0.0;
    let mut keys = 0.0;
    while keys < last {
        let lane_fill = 1.0 - (63.0f64 / 64.0).powf(keys);
        fpr += probability * lane_fill.powi(BLOCK_WORDS as i32);
        keys += 1.0;
        probability *= load / keys;
    }
    fpr
}

/// Returns the bits per n-gram that give a false-positive rate of `fpr`, within [`BITS_PER_NGRAM`]. The inverse of
/// [`bits_to_fpr`].
pub fn fpr_to_bits(fpr: f64) -> f64 {
    let (mut low, mut high) = BISECTED;
    while high - low > 1e-6 {
        let middle = (low + high) / 2.0;
        if bits_to_fpr(middle) > fpr {
            low = middle;
        } else {
            high = middle;
        }
    }
    high.min(*BITS_PER_NGRAM.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_give_a_tenth_of_a_percent() {
        let fpr = bits_to_fpr(DEFAULT_BITS_PER_NGRAM);
        assert!((0.0008..0.0011).contains(&fpr), "{fpr}");
    }

    #[test]
    fn bits_for_a_rate_give_that_rate() {
        for fpr in [0.5, 0.01, 0.001, 1e-4, 1e-6] {
            let bits = fpr_to_bits(fpr);
            assert!(
                (bits_to_fpr(bits) / fpr - 1.0).abs() < 1e-4,
                "{fpr}: {bits} bits"
            );
        }
    }

    #[test]
    fn a_filter_has_whole_blocks_and_at_least_one() {
        assert_eq!(words_for(0, 16.0), 8);
        assert_eq!(words_for(32, 16.0), 8);
        assert_eq!(words_for(33, 16.0), 16);
    }
}
