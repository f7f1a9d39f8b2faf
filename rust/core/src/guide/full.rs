//! The longest suffixes of many texts that occur in a segment with all suffixes sorted.

use super::pattern::{Pattern, common_suffix_chars};
use super::suffixes::Suffixes;
use crate::memory::prefetch::prefetch;
use crate::suffix::binary_search::BinarySearch;
use crate::suffix::view::SuffixView;

/// Occurrences that are read after a search. If there are no more, the longest match is among them.
const READ: usize = 4;
/// Searches whose occurrences are fetched in advance.
const AHEAD: usize = 16;

/// Finds the longest suffix of each search that occurs in the segment of `view`.
pub fn search_all(view: &SuffixView<'_>, searches: &mut [Search<'_>]) {
    let mut open: Vec<usize> = (0..searches.len()).collect();
    loop {
        open.retain(|&number| searches[number].is_open());
        if open.is_empty() {
            return;
        }
        let places = view.places(open.iter().map(|&number| searches[number].lookup(view)));
        for (at, &number) in open.iter().enumerate() {
            if let Some(&ahead) = places.get(at + AHEAD) {
                for &position in occurrences(view, ahead) {
                    prefetch(view.text(), position as usize);
                }
            }
            searches[number].take(view, places[at]);
        }
    }
}

/// A pattern, and what is known about its suffixes. A suffix is found by bisection of its length.
pub struct Search<'a> {
    pattern: Pattern<'a>,
    suffixes: Option<&'a Suffixes>,
    /// Characters of the longest suffix that is known to occur; 0 if none is.
    longest: usize,
    /// Characters that are known to be too many.
    too_long: usize,
    /// Characters to look for next. Most searches end after the first ones, which are the fewest that count.
    next: usize,
}

impl<'a> Search<'a> {
    /// Starts a search for a suffix of `least` to `most` characters. `suffixes` are those of the tail; without them, the
    /// pattern has no tail. Occurrences that have been read may answer at once.
    pub fn new(
        view: &SuffixView<'_>,
        pattern: Pattern<'a>,
        suffixes: Option<&'a Suffixes>,
        least: usize,
        most: usize,
    ) -> Self {
        let mut search = Self {
            pattern,
            suffixes,
            longest: 0,
            too_long: most.min(pattern.chars()) + 1,
            next: least,
        };
        if let Some(few) = suffixes.and_then(|suffixes| suffixes.few.as_ref()) {
            match few.before(view, pattern.after_tail()) {
                Some(before) => {
                    let chars = (before + pattern.added).min(most);
                    search.longest = if chars >= least { chars } else { 0 };
                    search.too_long = 0;
                }
                None => search.too_long = search.too_long.min(few.chars + pattern.added),
            }
        }
        search
    }

    /// Returns the characters of the longest suffix; 0 if fewer than the least number occur.
    pub fn longest(&self) -> usize {
        self.longest
    }

    fn is_open(&self) -> bool {
        self.longest < self.next && self.next < self.too_long
    }

    /// The suffix to look for next.
    fn wanted(&self) -> &'a [u8] {
        &self.pattern.bytes[self.pattern.start_of_last(self.next)..]
    }

    fn lookup(&self, view: &SuffixView<'_>) -> BinarySearch<'a> {
        let of_tail = self.next.checked_sub(self.pattern.added);
        let within = of_tail.and_then(|chars| self.suffixes?.many.get(chars));
        match within {
            Some(within) => view.search_within(within, self.wanted()),
            None => view.search(self.wanted(), false),
        }
    }

    /// Takes the place of the first suffix that is not less than the one looked for.
    fn take(&mut self, view: &SuffixView<'_>, place: usize) {
        let wanted = self.wanted();
        let before = &self.pattern.bytes[..self.pattern.bytes.len() - wanted.len()];
        let positions = occurrences(view, place);
        let shared = positions.iter().map_while(|&position| {
            let (left, right) = view.text().split_at_checked(position as usize)?;
            let occurs = right.starts_with(wanted);
            occurs.then(|| common_suffix_chars(left, before))
        });
        let (mut read, mut most) = (0, 0);
        for shared in shared {
            read += 1;
            most = most.max(shared);
        }
        if read > 0 {
            self.longest = (self.next + most).min(self.too_long - 1);
        } else {
            self.too_long = self.next;
        }
        if read < READ && read > 0 || self.longest == 0 {
            // All occurrences have been read, or not even the shortest suffix occurs.
            self.too_long = 0;
        }
        self.next = self.longest + self.too_long.saturating_sub(self.longest) / 2;
    }
}

/// Returns the positions of the suffixes from `place` on that are read after a search.
fn occurrences<'a>(view: &SuffixView<'a>, place: usize) -> &'a [u32] {
    let end = (place + READ).min(view.len());
    view.positions(place.min(end)..end)
}
