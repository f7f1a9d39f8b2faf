//! Carries out many searches at once, with interleaved lookups, such as to count the occurrences of many strings.

use std::ops::Range;

use super::binary_search::BinarySearch;
use super::view::SuffixView;
use crate::memory::prefetch::prefetch;

/// Searches in flight at once: while one waits for memory, the others have work to do.
const AT_ONCE: usize = 24;

/// A search under way.
struct UnderWay<'p> {
    search: BinarySearch<'p>,
    number: usize,
    /// Position of the suffix to look at next.
    position: usize,
}

impl SuffixView<'_> {
    /// Returns how often each of `patterns` occurs, overlapping occurrences included. This is faster than one
    /// interval after another.
    pub fn counts(&self, patterns: &[&[u8]]) -> Vec<usize> {
        // Both searches of a pattern take the same path until they are close, so its data is fetched once.
        let searches = patterns
            .iter()
            .flat_map(|pattern| [false, true].map(|end| self.search(pattern, end)));
        let places = self.places(searches);
        let (places, _) = places.as_chunks();
        let count = |[start, end]: &[usize; 2]| end.saturating_sub(*start);
        places.iter().map(count).collect()
    }

    /// Returns an interval that starts with the suffixes that start with each of `patterns`, and then has others. Its
    /// length is `few` if there are at most that many, and otherwise up to eight times their number.
    pub(crate) fn rough_intervals(&self, patterns: &[&[u8]], few: usize) -> Vec<Range<usize>> {
        let starts = self.places(patterns.iter().map(|pattern| self.search(pattern, false)));
        let mut intervals: Vec<Range<usize>> =
            starts.into_iter().map(|start| start..start + few).collect();
        let mut open: Vec<usize> = (0..patterns.len()).collect();
        while !open.is_empty() {
            open.iter()
                .for_each(|&number| self.prefetch(intervals[number].end));
            open.iter()
                .for_each(|&number| prefetch(self.text(), self.position(intervals[number].end)));
            open.retain(|&number| {
                let Range { start, end } = intervals[number];
                let is_longer = self.suffix(end).starts_with(patterns[number]);
                if is_longer {
                    intervals[number].end = start + 8 * (end - start);
                }
                is_longer
            });
        }
        intervals
    }

    /// Carries out searches, a few at a time, and returns the place that each one finds.
    pub(crate) fn places<'p>(
        &self,
        searches: impl IntoIterator<Item = BinarySearch<'p>>,
    ) -> Vec<usize> {
        let mut waiting = searches.into_iter().enumerate();
        let mut next = || {
            let (number, search) = waiting.next()?;
            Some(UnderWay {
                search,
                number,
                position: 0,
            })
        };
        let mut found = Vec::new();
        let mut under_way: Vec<UnderWay> = std::iter::from_fn(&mut next).take(AT_ONCE).collect();
        while !under_way.is_empty() {
            for one in &under_way {
                if let Some(index) = one.search.probe() {
                    self.prefetch(index);
                }
            }
            for one in &mut under_way {
                if let Some(index) = one.search.probe() {
                    one.position = self.position(index);
                    let unknown = one.position.wrapping_add(one.search.known());
                    prefetch(self.text(), unknown);
                }
            }
            under_way.retain_mut(|one| {
                if one.search.probe().is_some() {
                    let suffix = self.text().get(one.position..).unwrap_or_default();
                    one.search.compare(suffix);
                    return true;
                }
                if found.len() <= one.number {
                    found.resize(one.number + 1, 0);
                }
                found[one.number] = one.search.place();
                next().map(|next| *one = next).is_some()
            });
        }
        found
    }
}
