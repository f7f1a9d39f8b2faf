//! The lean index of a segment's text: a suffix array of the anchors only, with a tenth of the entries.
//!
//! It finds every string of n or more characters exactly: the anchor of the string's first window is in the array,
//! and the text before the anchor is compared in place. Three bytes per suffix ([`crate::suffix::fronts`]) save the
//! cache miss of most of those comparisons. Shorter strings are found by reading the whole text.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::array::{self, SEPARATOR};
use super::binary_search::common_prefix;
use super::fronts::{Front, FrontScan, fronts};
use super::jump::jump_table;
use super::view::SuffixView;
use crate::text::anchors::Anchors;

/// The arrays of a lean index.
pub struct LeanArrays {
    /// Positions of the anchors, in the order of their suffixes.
    pub suffixes: Vec<u32>,
    pub jump: Vec<u32>,
    /// The text before each suffix, in short.
    pub fronts: Vec<Front>,
}

impl LeanArrays {
    /// Indexes the documents of `text`, each of which ends with the separator. Takes 4 bytes of memory per byte of
    /// text.
    pub fn build(text: &[u8], n: usize) -> Self {
        let anchors = anchors_of(text, n);
        let sorted = array::suffix_array(text);
        let kept = sorted.iter().copied();
        let kept = kept.filter(|&position| anchors.contains(position as usize));
        let suffixes: Vec<u32> = kept.collect();
        drop(sorted);
        let positions = suffixes.iter().map(|&position| position as usize);
        Self {
            jump: jump_table(text, positions),
            fronts: fronts(text, &suffixes),
            suffixes,
        }
    }
}

/// A set of positions in a text, one bit each.
struct Positions(Vec<u64>);

impl Positions {
    fn insert(&mut self, position: usize) {
        self.0[position / 64] |= 1 << (position % 64);
    }

    fn contains(&self, position: usize) -> bool {
        self.0[position / 64] >> (position % 64) & 1 == 1
    }
}

fn anchors_of(text: &[u8], n: usize) -> Positions {
    let anchors = Anchors::new(n);
    let mut positions = Positions(vec![0; text.len() / 64 + 1]);
    let mut begin = 0;
    for document in text.split_inclusive(|&byte| byte == SEPARATOR) {
        let bytes = document.strip_suffix(&[SEPARATOR]).unwrap_or(document);
        // The text of a segment was written from strings. A damaged one has fewer anchors, and fewer strings are
        // found.
        if let Ok(document) = str::from_utf8(bytes) {
            let mut characters = document.char_indices().map(|(byte, _)| byte);
            let mut next = 0;
            anchors.for_each(document, |anchor| {
                if anchor >= next {
                    let byte = characters.nth(anchor - next).unwrap_or_default();
                    positions.insert(begin + byte);
                    next = anchor + 1;
                }
            });
        }
        begin += document.len();
    }
    positions
}

/// A segment's text with its lean index, e.g. of memory maps.
#[derive(Clone, Copy, Debug)]
pub struct LeanView<'a> {
    sorted: SuffixView<'a>,
    fronts: &'a [Front],
    /// The text, for strings that are too short to be looked up.
    scanned: &'a [u8],
}

impl<'a> LeanView<'a> {
    /// Returns None if the lengths do not match.
    pub fn new(
        text: &'a [u8],
        suffixes: &'a [u32],
        jump: &'a [u32],
        fronts: &'a [Front],
    ) -> Option<Self> {
        let fit = suffixes.len() == fronts.len() && suffixes.len() <= text.len();
        let sorted = SuffixView::of_some(text, suffixes, jump)?;
        fit.then_some(Self {
            sorted,
            fronts,
            scanned: text,
        })
    }

    /// Returns a view that reads the same text from another map to scan all of it.
    pub fn scanning(self, scanned: &'a [u8]) -> Self {
        Self { scanned, ..self }
    }

    /// Returns a view whose searches ask for the pages that they need next.
    pub fn asking(self) -> Self {
        Self {
            sorted: self.sorted.asking(),
            ..self
        }
    }

    /// Reads the pages that a search for `pattern` reads before it looks in front of anchors.
    pub async fn rehearse(&self, pattern: &[u8], anchor: usize) {
        self.sorted.lower_bound(&pattern[anchor..]).await;
    }

    pub fn text(&self) -> &'a [u8] {
        self.sorted.text()
    }

    /// Returns the bytes of the longest prefix of `pattern` that occurs, or 0 if that is less than `least`. `anchor`
    /// is the position in `pattern` of the anchor of its first window, which ends at `least` or before.
    pub async fn longest_prefix(&self, pattern: &[u8], anchor: usize, least: usize) -> usize {
        let (before, right) = pattern.split_at(anchor);
        let interval = self.sorted.interval(&right[..least - anchor]).await;
        // The nearer to the pattern in the order, the longer the common prefix.
        let middle = self
            .sorted
            .lower_bound(right)
            .await
            .clamp(interval.start, interval.end);
        let below = self.last_following(interval.start..middle, before);
        let above = self.following(middle..interval.end, before).next();
        let shared = |index| anchor + common_prefix(self.sorted.suffix(index), right, 0);
        [below, above]
            .into_iter()
            .flatten()
            .map(shared)
            .max()
            .unwrap_or(0)
    }

    pub async fn contains(&self, pattern: &[u8], anchor: Option<usize>) -> bool {
        let Some(anchor) = anchor else {
            return memmem::find(self.scanned, pattern).is_some();
        };
        let (before, right) = pattern.split_at(anchor);
        let interval = self.sorted.interval(right).await;
        self.following(interval, before).next().is_some()
    }

    /// Returns where `pattern` occurs, overlapping occurrences included, in no particular order.
    pub async fn positions(&self, pattern: &[u8], anchor: Option<usize>) -> Cow<'a, [u32]> {
        let Some(anchor) = anchor else {
            return self.scan(pattern).into();
        };
        let (before, right) = pattern.split_at(anchor);
        let interval = self.sorted.interval(right).await;
        self.following(interval, before)
            // A damaged index may hold a position too close to the start.
            .filter_map(|index| self.position(index).checked_sub(anchor))
            .map(|position| position as u32)
            .collect()
    }

    /// Yields the suffixes of a range that `before` precedes, in order.
    fn following<'s>(
        &'s self,
        range: Range<usize>,
        before: &'s [u8],
    ) -> impl Iterator<Item = usize> + 's {
        let mut scan = FrontScan::new(self.fronts, self.sorted.text(), before);
        range.filter(move |&index| scan.forward(index, self.position(index)))
    }

    /// Returns the last suffix of a range that `before` precedes.
    fn last_following(&self, range: Range<usize>, before: &[u8]) -> Option<usize> {
        let mut scan = FrontScan::new(self.fronts, self.sorted.text(), before);
        let mut indices = range.rev();
        indices.find(|&index| scan.backward(index, self.position(index)))
    }

    fn position(&self, index: usize) -> usize {
        self.sorted.positions(index..index + 1)[0] as usize
    }

    fn scan(&self, pattern: &[u8]) -> Vec<u32> {
        let text = self.scanned;
        let finder = memmem::Finder::new(pattern);
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = finder.find(&text[from..]) {
            found.push((from + at) as u32);
            from += at + 1;
        }
        found
    }
}
