//! A map from the characters of a folded text to those of the original text.

/// Maps characters of a folded text to characters of the original text.
///
/// A folded character can come from several characters (a letter and its accents), several folded characters can come
/// from one (a ligature), and marks can change places. A span of folded characters is widened to all characters that any
/// of them comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldMap {
    stretches: Vec<Stretch>,
    /// Number of folded characters so far.
    chars: usize,
    /// End of what the last of them comes from.
    raw: usize,
}

/// A character that does not simply come from the next original character, and those after it that do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    /// The folded character that the stretch starts with.
    first: usize,
    /// The span of original characters that it comes from.
    start: usize,
    end: usize,
    /// Whether that span overlaps or precedes what an earlier folded character comes from.
    joined: bool,
}

impl Stretch {
    /// Returns what a folded character of the stretch comes from.
    fn span(&self, folded: usize) -> (usize, usize) {
        match folded - self.first {
            0 => (self.start, self.end),
            further => (self.end + further - 1, self.end + further),
        }
    }
}

impl FoldMap {
    /// Appends `count` characters, each of which comes from one original character, from `raw` on.
    pub fn push_straight(&mut self, raw: usize, count: usize) {
        if count == 0 {
            return;
        }
        self.push(raw, raw + 1, false);
        self.chars += count - 1;
        self.raw += count - 1;
    }

    /// Appends a character that comes from `start..end`.
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

    /// Returns the shortest span that contains everything that the folded characters `start..end` come from.
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

    /// Returns whether the original text cannot be cut between a folded character and the one before it.
    pub fn is_joined(&self, folded: usize) -> bool {
        let found = self
            .stretches
            .binary_search_by_key(&folded, |stretch| stretch.first);
        found.is_ok_and(|at| self.stretches[at].joined)
    }

    /// Returns how many folded characters from `folded` on come from one original character each, in a row, with a cut
    /// around each.
    pub fn straight_from(&self, folded: usize) -> usize {
        let next = self
            .stretches
            .partition_point(|stretch| stretch.first < folded);
        match self.stretches.get(next) {
            // There is no cut between the stretch and the character before it.
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
