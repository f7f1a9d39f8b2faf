//! Anchors: a sample of the positions of a text. Every window of n characters contains one, and the window alone
//! decides which.
//!
//! A window's anchor is its minimizer (Roberts et al. 2004): the leftmost of its k-grams with the least hash.
//! Neighbouring windows mostly share their anchor, so about 2 of (n - k + 2) positions are anchors. Two equal windows
//! have their anchors at the same place in them, so a string of n or more characters can be found by looking up the
//! anchor of its first window.

use super::ngram::NgramHasher;

/// Chooses the anchors of the windows of n characters.
#[derive(Clone, Debug)]
pub struct Anchors {
    n: usize,
    kgrams: NgramHasher,
}

impl Anchors {
    /// Changes when another position becomes the anchor of a window. The files of a lean index record it.
    pub const VERSION: u32 = 1;

    pub fn new(n: usize) -> Self {
        // Short k-grams make few anchors; k-grams of this length are mostly distinct within a window.
        Self {
            n,
            kgrams: NgramHasher::new(n.div_ceil(5)),
        }
    }

    /// Returns the expected share of the positions of a long text that are anchors: two of a window's k-grams plus one
    /// (Roberts et al. 2004).
    pub fn density(&self) -> f64 {
        2.0 / (self.n - self.kgrams.n() + 2) as f64
    }

    /// Calls `sink` with the anchor of each window of `text`, in order. Anchors are counted in characters from the
    /// start of the text. They never decrease, and neighbouring windows often have the same one.
    pub fn for_each(&self, text: &str, mut sink: impl FnMut(usize)) {
        let mut minimum = SlidingMinimum::new(self.n - self.kgrams.n() + 1);
        self.kgrams.for_each_chunk(text, |hashes| {
            for &hash in hashes {
                if let Some(anchor) = minimum.push(hash) {
                    sink(anchor);
                }
            }
        });
    }

    /// Returns the anchor of the first window of `text`, in bytes, or None if the text has fewer than n characters.
    pub fn first(&self, text: &str) -> Option<usize> {
        let (last, _) = text.char_indices().nth(self.n - 1)?;
        let end = last + text[last..].chars().next().map_or(0, char::len_utf8);
        let mut anchor = None;
        self.for_each(&text[..end], |found| anchor = Some(found));
        text.char_indices().nth(anchor?).map(|(byte, _)| byte)
    }
}

/// The leftmost minimum of the last `width` numbers.
struct SlidingMinimum {
    last: Vec<u64>,
    seen: usize,
    least: usize,
}

impl SlidingMinimum {
    fn new(width: usize) -> Self {
        Self {
            last: vec![0; width],
            seen: 0,
            least: 0,
        }
    }

    /// Takes the next number. Returns the index, among all numbers taken, of the minimum of the last `width`, or None
    /// while there are fewer.
    fn push(&mut self, number: u64) -> Option<usize> {
        let (width, index) = (self.last.len(), self.seen);
        self.last[index % width] = number;
        self.seen += 1;
        if self.least + width <= index {
            let window = index + 1 - width..=index;
            self.least = window.min_by_key(|i| self.last[i % width]).unwrap_or(index);
        } else if number < self.last[self.least % width] {
            self.least = index;
        }
        (self.seen >= width).then_some(self.least)
    }
}
