//! Queries of a filter.

use super::block::{BLOCK_WORDS, Block};
use super::kernel;
use crate::memory::cold::ask_for;

/// Changes when the bits that a hash sets change. The file of a filter records it.
pub const VERSION: u32 = 1;

/// Read-only view of the words of a filter. It is fastest if they start on a cache line.
///
/// ```
/// use quotetune_core::filter::bloom::{Bloom, BloomBuilder, words_for};
/// let mut words = vec![0; words_for(2, 16.0)];
/// BloomBuilder::new(&mut words).unwrap().inserter().insert(&[17, 1 << 63]);
/// let bloom = Bloom::new(&words).unwrap();
/// assert!(bloom.contains(17) && bloom.contains(1 << 63));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bloom<'a> {
    blocks: &'a [Block],
}

impl<'a> Bloom<'a> {
    /// Returns the filter in `words`, or None unless they are one or more whole blocks.
    pub fn new(words: &'a [u64]) -> Option<Self> {
        let (blocks, rest) = words.as_chunks();
        (rest.is_empty() && !blocks.is_empty()).then_some(Self { blocks })
    }

    /// Whether the filter may hold `hash`. Never false for one that was inserted.
    pub fn contains(&self, hash: u64) -> bool {
        let mut hit = [false];
        self.mark_hits(&[hash], &mut hit);
        hit[0]
    }

    /// Sets `hits[i]` if the filter may hold `hashes[i]` and leaves the others, so that several filters can be
    /// queried in turn.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        assert_eq!(hashes.len(), hits.len(), "one hit per hash");
        kernel::mark_hits(self.blocks, hashes, hits);
    }

    /// Asks for the pages that `mark_hits` reads, unless they are in memory.
    pub fn ask_for(&self, hashes: &[u64]) {
        for &hash in hashes {
            ask_for(self.blocks, kernel::block_of(hash, self.blocks.len()));
        }
    }

    /// Returns how many of `hashes` the filter may hold.
    pub fn count_hits(&self, hashes: &[u64]) -> usize {
        let mut hits = [false; 512];
        let mut count = 0;
        for hashes in hashes.chunks(hits.len()) {
            let hits = &mut hits[..hashes.len()];
            hits.fill(false);
            self.mark_hits(hashes, hits);
            count += hits.iter().filter(|&&hit| hit).count();
        }
        count
    }

    /// Measures how full the filter is. Reads all of it.
    pub fn measure(&self) -> Measure {
        let (ones, chances) = kernel::measure(self.blocks);
        let blocks = self.blocks.len() as f64;
        Measure {
            fill: ones as f64 / (blocks * (BLOCK_WORDS * 64) as f64),
            fpr: chances / (blocks * 64f64.powi(BLOCK_WORDS as i32)),
        }
    }
}

/// How full a filter is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Share of the bits that are set.
    pub fill: f64,
    /// False-positive rate for a random key: the chance that all of its eight bits are set, averaged over the blocks.
    pub fpr: f64,
}
