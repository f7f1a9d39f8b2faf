//! Binary searches of a suffix array, one step at a time, so that many go on side by side and wait for memory together.

use crate::prefetch::prefetch;
use crate::suffix::{SuffixView, common_prefix};

/// Searches under way at once: while one waits for memory there is work for the others.
const AT_ONCE: usize = 24;

/// One search, for where the suffixes that begin with a pattern begin or end.
pub struct BinarySearch<'p> {
    pattern: &'p [u8],
    /// Whether to find the end of the suffixes that begin with the pattern.
    end: bool,
    low: usize,
    high: usize,
    /// Bytes that the suffixes at both bounds share with the pattern: every suffix between shares the fewer of them.
    low_shared: usize,
    high_shared: usize,
}

impl<'p> BinarySearch<'p> {
    /// The place to be found is within `bounds`, or right behind them.
    pub fn new(pattern: &'p [u8], end: bool, (low, high): (usize, usize)) -> Self {
        Self {
            pattern,
            end,
            low,
            high,
            low_shared: 0,
            high_shared: 0,
        }
    }

    /// The suffix to look at next; none when the place is found.
    pub fn probe(&self) -> Option<usize> {
        (self.low < self.high).then(|| self.low + (self.high - self.low) / 2)
    }

    /// The two suffixes one of which is looked at after the next.
    pub fn probes_after(&self) -> [usize; 2] {
        let (low, high) = (self.low, self.high);
        let middle = low + (high - low) / 2;
        [
            low + (middle - low) / 2,
            middle + 1 + high.saturating_sub(middle + 1) / 2,
        ]
    }

    /// Where the search has come to.
    pub fn place(&self) -> usize {
        self.low
    }

    /// Go on after a look at the suffix that was next.
    pub fn compare(&mut self, suffix: &[u8]) {
        let Some(middle) = self.probe() else {
            return;
        };
        let shared = common_prefix(suffix, self.pattern, self.known());
        let before = match shared == self.pattern.len() {
            true => self.end,
            false => suffix.get(shared) < self.pattern.get(shared),
        };
        if before {
            (self.low, self.low_shared) = (middle + 1, shared);
        } else {
            (self.high, self.high_shared) = (middle, shared);
        }
    }

    /// Bytes that the suffix to look at next is known to share with the pattern.
    pub fn known(&self) -> usize {
        self.low_shared.min(self.high_shared)
    }
}

/// The search for where a pattern's suffixes begin, or with an odd number for where they end.
struct UnderWay<'p> {
    search: BinarySearch<'p>,
    number: usize,
    /// Of the suffix to look at next.
    position: usize,
}

/// How many suffixes begin with each of `patterns`.
pub fn counts(view: &SuffixView, patterns: &[&[u8]]) -> Vec<usize> {
    let mut found = vec![[0; 2]; patterns.len()];
    // Both searches of a pattern take the same way until they are close: it is fetched once.
    let mut waiting = (0..2 * patterns.len()).map(|number| UnderWay {
        search: view.search(patterns[number / 2], number % 2 == 1),
        number,
        position: 0,
    });
    let mut under_way: Vec<UnderWay> = waiting.by_ref().take(AT_ONCE).collect();
    while !under_way.is_empty() {
        for one in &under_way {
            if let Some(index) = one.search.probe() {
                view.prefetch(index);
            }
        }
        for one in &mut under_way {
            if let Some(index) = one.search.probe() {
                one.position = view.position(index);
                let unknown = one.position.wrapping_add(one.search.known());
                prefetch(view.text(), unknown);
            }
        }
        under_way.retain_mut(|one| {
            if one.search.probe().is_some() {
                let suffix = view.text().get(one.position..).unwrap_or_default();
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
