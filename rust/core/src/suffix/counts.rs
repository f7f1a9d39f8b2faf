//! Counts the occurrences of many strings, with interleaved lookups.

use super::binary_search::BinarySearch;
use super::view::SuffixView;
use crate::memory::prefetch::prefetch;

/// Searches in flight at once: while one waits for memory, the others have work to do.
const AT_ONCE: usize = 24;

/// The search for the start of a pattern's suffixes, or, if its number is odd, for their end.
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
        let mut found = vec![[0; 2]; patterns.len()];
        // Both searches of a pattern take the same path until they are close, so its data is fetched once.
        let mut waiting = (0..2 * patterns.len()).map(|number| UnderWay {
            search: self.search(patterns[number / 2], number % 2 == 1),
            number,
            position: 0,
        });
        let mut under_way: Vec<UnderWay> = waiting.by_ref().take(AT_ONCE).collect();
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
                found[one.number / 2][one.number % 2] = one.search.place();
                waiting.next().map(|next| *one = next).is_some()
            });
        }
        let count = |[begin, end]: [usize; 2]| end.saturating_sub(begin);
        found.into_iter().map(count).collect()
    }
}
