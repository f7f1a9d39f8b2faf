//! Bits for places of a text, which several threads set.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

const BITS: usize = u64::BITS as usize;

pub struct Marks(Vec<AtomicU64>);

impl Marks {
    /// Makes a bit for each byte of a text, none of which is set.
    pub fn new(bytes: usize) -> Self {
        let words = bytes.div_ceil(BITS);
        Self((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// Sets the bit of a position, if it is inside the text.
    pub fn set(&self, position: usize) {
        if let Some(word) = self.0.get(position / BITS) {
            word.fetch_or(1 << (position % BITS), Ordering::Relaxed);
        }
    }

    pub fn get(&self, position: usize) -> bool {
        let word = self.word(position / BITS);
        word >> (position % BITS) & 1 == 1
    }

    /// Whether a bit of some positions is set.
    pub fn any(&self, positions: Range<usize>) -> bool {
        let Range { start, end } = positions;
        if start >= end {
            return false;
        }
        let (first, last) = (start / BITS, (end - 1) / BITS);
        (first..=last).any(|number| {
            let mut word = self.word(number);
            if number == first {
                word &= u64::MAX << (start % BITS);
            }
            if number == last {
                word &= u64::MAX >> (BITS - 1 - (end - 1) % BITS);
            }
            word != 0
        })
    }

    fn word(&self, number: usize) -> u64 {
        let word = self.0.get(number);
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    }
}
