//! From the characters of a folded text back to those of the text as given.

/// Where the characters of a folded text came from.
///
/// A folded character can stand for several characters (a letter and its accents), several for one (a ligature), and
/// marks that were put into another order for characters in another order. A span of folded characters is widened to all
/// characters that any of them came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldMap {
    stretches: Vec<Stretch>,
    /// Folded characters so far.
    chars: usize,
    /// Where the next character begins if nothing is out of line.
    raw: usize,
}

/// A character that does not come straight after the one before it, with those that come straight after it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    /// The first character of the stretch, in the folded text.
    first: usize,
    /// What it came from.
    start: usize,
    end: usize,
    /// Whether it came in part from the same characters as the one before it, or from characters in front of those.
    joined: bool,
}

impl Stretch {
    /// What a character of the stretch came from.
    fn span(&self, folded: usize) -> (usize, usize) {
        match folded - self.first {
            0 => (self.start, self.end),
            further => (self.end + further - 1, self.end + further),
        }
    }
}

impl FoldMap {
    /// Append `count` characters that came from as many, one from each.
    pub fn push_straight(&mut self, raw: usize, count: usize) {
        if count == 0 {
            return;
        }
        self.push(raw, raw + 1, false);
        self.chars += count - 1;
        self.raw += count - 1;
    }

    /// Append a character that came from `start..end`.
    pub fn push(&mut self, start: usize, end: usize, joined: bool) {
        if joined || start != self.raw || end != start + 1 {
            self.stretches.push(Stretch {
                first: self.chars,
                start,
                end,
                joined,
            });
        }
        self.chars += 1;
        self.raw = end;
    }

    /// What the folded characters `start..end` came from: the shortest span that holds all of it.
    pub fn raw_span(&self, start: usize, end: usize) -> (usize, usize) {
        if start >= end {
            let (raw, _) = self.span(start);
            return (raw, raw);
        }
        let (mut first, _) = self.span(start);
        let mut folded = start + 1;
        while folded < end && self.is_joined(folded) {
            first = first.min(self.span(folded).0);
            folded += 1;
        }
        let mut folded = end - 1;
        let (_, mut last) = self.span(folded);
        while folded > start && self.is_joined(folded) {
            folded -= 1;
            last = last.max(self.span(folded).1);
        }
        (first, last)
    }

    /// Whether a folded character cannot be told from the one before it in the text as given.
    pub fn is_joined(&self, folded: usize) -> bool {
        let found = self
            .stretches
            .binary_search_by_key(&folded, |stretch| stretch.first);
        found.is_ok_and(|at| self.stretches[at].joined)
    }

    /// How many characters from `folded` on came from one each, in a row, and can be told apart.
    pub fn straight_from(&self, folded: usize) -> usize {
        let next = self
            .stretches
            .partition_point(|stretch| stretch.first < folded);
        match self.stretches.get(next) {
            // The one in front is not to be told from it.
            Some(stretch) if stretch.joined => (stretch.first - folded).saturating_sub(1),
            Some(stretch) => stretch.first - folded,
            None => usize::MAX,
        }
    }

    fn span(&self, folded: usize) -> (usize, usize) {
        let next = self
            .stretches
            .partition_point(|stretch| stretch.first <= folded);
        match next.checked_sub(1) {
            Some(at) => self.stretches[at].span(folded),
            None => (folded, folded + 1),
        }
    }
}
