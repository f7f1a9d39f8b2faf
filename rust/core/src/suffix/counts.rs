//! How often each of many strings occurs, looked up side by side.

use super::binary_search::BinarySearch;
use super::view::SuffixView;
use crate::memory::prefetch::prefetch;

/// Searches under way at once: while one waits for memory there is work for the others.
const AT_ONCE: usize = 24;

/// The search for where a pattern's suffixes begin, or with an odd number for where they end.
struct UnderWay<'p> {
    search: BinarySearch<'p>,
    number: usize,
    /// Of the suffix to look at next.
    position: usize,
}

impl SuffixView<'_> {
    /// How often each of `patterns` occurs, overlapping occurrences too: faster than one interval after another.
    pub fn counts(&self, patterns: &[&[u8]]) -> Vec<usize> {
        let mut found = vec![[0; 2]; patterns.len()];
        // Both searches of a pattern take the same way until they are close: it is fetched once.
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
