//! A suffix array in place: finds strings in the text of a segment.
//!
//! The text is the normalised documents, each followed by [`SEPARATOR`]: no string of characters contains it, so no
//! match crosses two documents. Reading never trusts the arrays: with corrupt ones the answers are wrong, not unsafe.
//!
//! [`SEPARATOR`]: super::array::SEPARATOR

use std::ops::Range;

use super::binary_search::{BinarySearch, common_prefix};
use super::jump::JumpView;
use crate::memory::prefetch::prefetch;
use crate::memory::side_by_side::give_way;

/// A segment's text with its suffix array and jump table, e.g. of memory maps.
#[derive(Clone, Copy, Debug)]
pub struct SuffixView<'a> {
    text: &'a [u8],
    sa: &'a [u32],
    jump: JumpView<'a>,
}

impl<'a> SuffixView<'a> {
    /// None if the lengths do not fit each other: `sa` has one entry a byte, `jump` what [`crate::suffix::jump::jump_table`] makes of them.
    pub fn new(text: &'a [u8], sa: &'a [u32], jump: &'a [u32]) -> Option<Self> {
        Self::of_some(text, sa, jump).filter(|_| sa.len() == text.len())
    }

    /// A view of some of the suffixes only, still in order.
    pub fn of_some(text: &'a [u8], sa: &'a [u32], jump: &'a [u32]) -> Option<Self> {
        let jump = JumpView::new(jump)?;
        Some(Self { text, sa, jump })
    }

    /// The text of the segment.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Bytes of the longest prefix of `pattern` that occurs in the text.
    pub async fn longest_prefix(&self, pattern: &[u8]) -> usize {
        // The suffixes nearest to the pattern in the order share the most with it.
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

    /// The interval of the suffix array whose suffixes begin with `pattern`: its length counts all occurrences,
    /// overlapping ones too.
    pub async fn interval(&self, pattern: &[u8]) -> Range<usize> {
        let start = self.lower_bound(pattern).await;
        let matches = async |index: usize| self.fetch_suffix(index).await.starts_with(pattern);
        if start >= self.sa.len() || !matches(start).await {
            return start..start;
        }
        // Most strings occur a few times: gallop to the first suffix that does not match, then bisect.
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

    /// The positions in the text of an interval of the suffix array, in the order of the suffixes.
    pub fn positions(&self, interval: Range<usize>) -> &'a [u32] {
        self.sa.get(interval).unwrap_or_default()
    }

    /// Index of the first suffix that is not less than `pattern`.
    pub(crate) async fn lower_bound(&self, pattern: &[u8]) -> usize {
        let mut search = self.search(pattern, false);
        if let Some(index) = search.probe() {
            self.prefetch(index);
            give_way().await;
        }
        while let Some(index) = search.probe() {
            let position = self.position(index);
            prefetch(self.text, position.wrapping_add(search.known()));
            // One of these is next.
            for index in search.probes_after() {
                self.prefetch(index);
            }
            give_way().await;
            search.compare(self.text.get(position..).unwrap_or_default());
        }
        search.place()
    }

    /// A suffix, when it is there.
    async fn fetch_suffix(&self, index: usize) -> &'a [u8] {
        self.prefetch(index);
        give_way().await;
        let position = self.position(index);
        prefetch(self.text, position);
        give_way().await;
        self.text.get(position..).unwrap_or_default()
    }

    /// The search for where the suffixes that start with `pattern` begin, or end.
    pub(crate) fn search<'p>(&self, pattern: &'p [u8], end: bool) -> BinarySearch<'p> {
        let (low, high) = self.jump.bounds(pattern);
        let low = low.min(self.sa.len());
        BinarySearch::new(pattern, end, (low, high.clamp(low, self.sa.len())))
    }

    #[inline(always)]
    pub(crate) fn suffix(&self, index: usize) -> &'a [u8] {
        self.text.get(self.position(index)..).unwrap_or_default()
    }

    /// Where a suffix begins; outside the text for none.
    #[inline(always)]
    pub(crate) fn position(&self, index: usize) -> usize {
        self.sa
            .get(index)
            .map_or(usize::MAX, |&position| position as usize)
    }

    /// Ask for the entry of a suffix.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: usize) {
        prefetch(self.sa, index);
    }
}
