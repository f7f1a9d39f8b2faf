//! A filter divided into stretches, which different processes fill.

use std::ops::Range;

use super::block::BLOCK_WORDS;
use super::kernel;

/// The stretches of a filter. Each holds the hashes of a range; all but the last are equally long.
#[derive(Clone, Copy, Debug)]
pub struct Stretches {
    blocks: usize,
    /// Blocks of a stretch are a power of two, so that a hash finds its stretch by a shift.
    shift: u32,
}

impl Stretches {
    /// Divides a filter of `words` words, which are whole blocks, into at most `most` stretches.
    ///
    /// # Panics
    /// If `words` or `most` is 0.
    pub fn new(words: usize, most: usize) -> Self {
        let blocks = words / BLOCK_WORDS;
        assert!(blocks > 0 && most > 0, "no block or no stretch");
        Self {
            blocks,
            shift: blocks.div_ceil(most).next_power_of_two().trailing_zeros(),
        }
    }

    /// Returns their number.
    pub fn count(self) -> usize {
        self.blocks.div_ceil(1 << self.shift)
    }

    /// Returns the words of the whole filter.
    pub fn total_words(self) -> usize {
        self.blocks * BLOCK_WORDS
    }

    /// Returns the stretch that a hash goes into.
    #[inline]
    pub fn of(self, hash: u64) -> usize {
        kernel::block_of(hash, self.blocks) >> self.shift
    }

    /// Returns the words of a stretch.
    pub fn words(self, stretch: usize) -> Range<usize> {
        let start = |stretch: usize| (stretch << self.shift).min(self.blocks) * BLOCK_WORDS;
        start(stretch)..start(stretch + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stretches_of_a_filter_are_all_of_it_and_a_hash_has_its_block_in_its_stretch() {
        for blocks in [1, 2, 3, 7, 8, 1000] {
            for most in [1, 2, 3, 8, 50] {
                let stretches = Stretches::new(blocks * BLOCK_WORDS, most);
                assert!((1..=most).contains(&stretches.count()));
                let all: Vec<usize> = (0..stretches.count())
                    .flat_map(|stretch| stretches.words(stretch))
                    .collect();
                assert_eq!(all, Vec::from_iter(0..blocks * BLOCK_WORDS));
                for hash in (0..1 << 10).map(|i| u64::MAX / 1023 * i) {
                    let word = kernel::block_of(hash, blocks) * BLOCK_WORDS;
                    assert!(stretches.words(stretches.of(hash)).contains(&word));
                }
            }
        }
    }
}
