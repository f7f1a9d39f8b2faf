//! A view of a suffix array that finds strings in the text of a segment.
//!
//! The text consists of the normalised documents, each followed by [`SEPARATOR`]. No string of characters contains
//! it, so no match crosses two documents. Reading never trusts the arrays: corrupt ones give wrong answers, but
//! nothing unsafe.
//!
//! [`SEPARATOR`]: super::array::SEPARATOR

use std::ops::Range;

use super::binary_search::{BinarySearch, common_prefix};
use super::jump::JumpView;
use crate::memory::cold::ask_for;
use crate::memory::prefetch::prefetch;
use crate::memory::side_by_side::give_way;

/// Suffixes whose entries fill a page of 4 KiB.
const NEAR: usize = 1024;

/// The text of a segment with its suffix array and jump table, such as from memory maps.
#[derive(Clone, Copy, Debug)]
pub struct SuffixView<'a> {
    text: &'a [u8],
    sa: &'a [u32],
    jump: JumpView<'a>,
    /// Whether searches ask for pages in advance.
    asks: bool,
}

impl<'a> SuffixView<'a> {
    /// Returns None if the lengths do not match: `sa` has one entry per byte of text, and `jump` is what
    /// [`crate::suffix::jump::jump_table`] makes of them.
    pub fn new(text: &'a [u8], sa: &'a [u32], jump: &'a [u32]) -> Option<Self> {
        Self::of_some(text, sa, jump).filter(|_| sa.len() == text.len())
    }

    /// Returns a view of some of the suffixes, still in order.
    pub fn of_some(text: &'a [u8], sa: &'a [u32], jump: &'a [u32]) -> Option<Self> {
        let jump = JumpView::new(jump)?;
        Some(Self {
            text,
            sa,
            jump,
            asks: false,
        })
    }

    /// Returns a view whose searches ask for the pages that they need next. Side by side, they wait for the disk
    /// together.
    pub fn asking(self) -> Self {
        Self { asks: true, ..self }
    }

    /// The text of the segment.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the number of suffixes.
    pub(crate) fn len(&self) -> usize {
        self.sa.len()
    }

    /// Returns the bytes of the longest prefix of `pattern` that occurs in the text.
    pub async fn longest_prefix(&self, pattern: &[u8]) -> usize {
        // The suffixes nearest to the pattern in the order share the most bytes with it.
        let at = self.lower_bound(pattern).await;
        let shared = |index: usize| common_prefix(self.suffix(index), pattern, 0);
        let before = at.checked_sub(1).map_or(0, shared);
        before.max(shared(at))
    }

    /// Whether `pattern` occurs in the text.
    pub async fn contains(&self, pattern: &[u8]) -> bool {
        let at = self.lower_bound(pattern).await;
        self.suffix(at).starts_with(pattern)
    }

    /// Returns the interval of the suffix array whose suffixes start with `pattern`. Its length is the number of
    /// occurrences, overlapping ones included.
    pub async fn interval(&self, pattern: &[u8]) -> Range<usize> {
        let start = self.lower_bound(pattern).await;
        let matches = async |index: usize| self.fetch_suffix(index).await.starts_with(pattern);
        if start >= self.sa.len() || !matches(start).await {
            return start..start;
        }
        // Most strings occur only a few times: gallop to the first suffix that does not match, then bisect.
        let mut step = 1;
        while start + step < self.sa.len() && matches(start + step).await {
            step *= 2;
        }
        let (mut low, mut high) = (start + step / 2, (start + step).min(self.sa.len()));
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if matches(middle).await {
                low = middle;
            } else {
                high = middle;
            }
        }
        start..low + 1
    }

    /// Returns the positions in the text of an interval of the suffix array, in the order of the suffixes.
    pub fn positions(&self, interval: Range<usize>) -> &'a [u32] {
        self.sa.get(interval).unwrap_or_default()
    }

    /// Returns the index of the first suffix that is not less than `pattern`.
    pub(crate) async fn lower_bound(&self, pattern: &[u8]) -> usize {
        if self.asks {
            self.jump.ask_for(pattern);
            give_way().await;
        }
        let mut search = self.search(pattern, false);
        if let Some(index) = search.probe() {
            self.prefetch(index);
            give_way().await;
        }
        while let Some(index) = search.probe() {
            let position = self.position(index);
            self.prefetch_text(position.wrapping_add(search.known()));
            // One of these is next. Close to the end, they are in the page of this one.
            if !self.asks || search.remaining() > NEAR {
                for index in search.probes_after() {
                    self.prefetch(index);
                }
            }
            give_way().await;
            search.compare(self.text.get(position..).unwrap_or_default());
        }
        search.place()
    }

    /// Returns the search for the first suffix that is not less than `pattern`, if that is in `within` or right after
    /// it.
    pub(crate) fn search_within<'p>(
        &self,
        within: &Range<usize>,
        pattern: &'p [u8],
    ) -> BinarySearch<'p> {
        let (low, high) = self.jump.bounds(pattern);
        let end = within.end.min(high).min(self.sa.len());
        BinarySearch::new(pattern, false, (within.start.max(low).min(end), end))
    }

    /// Returns a suffix once it has been fetched.
    async fn fetch_suffix(&self, index: usize) -> &'a [u8] {
        self.prefetch(index);
        give_way().await;
        let position = self.position(index);
        self.prefetch_text(position);
        give_way().await;
        self.text.get(position..).unwrap_or_default()
    }

    /// Returns a search for the start, or the end, of the suffixes that start with `pattern`.
    pub(crate) fn search<'p>(&self, pattern: &'p [u8], end: bool) -> BinarySearch<'p> {
        let (low, high) = self.jump.bounds(pattern);
        let low = low.min(self.sa.len());
        let high = high.clamp(low, self.sa.len());
        // The table knows the interval of a short pattern.
        let bounds = match (pattern.len() <= self.jump.width(), end) {
            (true, false) => (low, low),
            (true, true) => (high, high),
            (false, _) => (low, high),
        };
        BinarySearch::new(pattern, end, bounds)
    }

    #[inline(always)]
    pub(crate) fn suffix(&self, index: usize) -> &'a [u8] {
        self.text.get(self.position(index)..).unwrap_or_default()
    }

    /// Returns the position where a suffix starts; one outside the text if there is no such suffix.
    #[inline(always)]
    pub(crate) fn position(&self, index: usize) -> usize {
        self.sa
            .get(index)
            .map_or(usize::MAX, |&position| position as usize)
    }

    /// Prefetches the entry of a suffix.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: usize) {
        if self.asks {
            ask_for(self.sa, index);
        }
        prefetch(self.sa, index);
    }

    /// Prefetches the text at a position.
    #[inline(always)]
    pub(crate) fn prefetch_text(&self, position: usize) {
        if self.asks {
            ask_for(self.text, position);
        }
        prefetch(self.text, position);
    }
}
