//! The occurrences of a suffix that occurs only a few times, read once for all tokens that may follow.

use std::cmp::Ordering;

use super::pattern::common_suffix_chars;
use crate::memory::prefetch::prefetch;
use crate::memory::side_by_side::give_way;
use crate::suffix::view::SuffixView;

/// Occurrences that are read: reading them takes about as long as searching for one token.
pub const FEW: usize = 64;

/// All occurrences of a suffix of the response in a segment, in the order of what follows.
#[derive(Debug)]
pub struct Occurrences {
    /// Characters of the suffix.
    pub chars: usize,
    found: Vec<Occurrence>,
}

#[derive(Clone, Copy, Debug)]
struct Occurrence {
    /// Where it ends in the text.
    end: usize,
    /// Characters before its end that the response ends with, too.
    shared: usize,
}

impl Occurrences {
    /// Reads the occurrences of the last `chars` characters of `tail`, which are `bytes` bytes, at `positions`.
    pub async fn read(
        view: &SuffixView<'_>,
        positions: &[u32],
        tail: &[u8],
        (chars, bytes): (usize, usize),
    ) -> Self {
        for &position in positions {
            prefetch(view.text(), position as usize + bytes);
        }
        give_way().await;
        let before = &tail[..tail.len() - bytes];
        let occurrence = |&position: &u32| {
            let start = position as usize;
            let left = view.text().get(..start).unwrap_or_default();
            Occurrence {
                end: start + bytes,
                shared: chars + common_suffix_chars(left, before),
            }
        };
        Self {
            chars,
            found: positions.iter().map(occurrence).collect(),
        }
    }

    /// Returns the most characters of the response that occur with `next` after them, or None if `next` follows on no
    /// occurrence.
    pub fn before(&self, view: &SuffixView<'_>, next: &[u8]) -> Option<usize> {
        let follows = |one: &Occurrence| {
            let text = view.text().get(one.end..).unwrap_or_default();
            text[..text.len().min(next.len())].cmp(next)
        };
        let start = self.found.partition_point(|one| follows(one).is_lt());
        let matching = self.found[start..].iter();
        matching
            .take_while(|one| follows(one) == Ordering::Equal)
            .map(|one| one.shared)
            .max()
    }
}
