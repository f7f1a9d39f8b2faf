//! The occurrences of a suffix that occurs only a few times, read once for all tokens that may follow.

use std::cmp::Ordering;

use super::pattern::common_suffix_chars;
use crate::memory::prefetch::prefetch;
use crate::suffix::view::SuffixView;

/// Occurrences that are read: reading them takes about as long as searching for one token.
pub const FEW: usize = 128;

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
    /// The first bytes after it. Most comparisons need no more, and so no look at the text.
    next: u64,
    /// Characters before its end that the response ends with, too.
    shared: usize,
}

impl Occurrence {
    /// Compares what follows with `next`, of which `first` are the first bytes.
    fn compare(&self, view: &SuffixView<'_>, next: &[u8], first: u64) -> Ordering {
        let unused = 64 - 8 * next.len().min(8) as u32;
        let prefix = |bytes: u64| bytes.checked_shr(unused).unwrap_or(0);
        prefix(self.next).cmp(&prefix(first)).then_with(|| {
            let text = view.text().get(self.end..).unwrap_or_default();
            text[..text.len().min(next.len())].cmp(next)
        })
    }
}

/// Returns the first 8 bytes as a number in their order. A missing byte is 0.
fn first_bytes(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = bytes.len().min(8);
    first[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(first)
}

impl Occurrences {
    /// Reads the occurrences of `suffix`, the last `chars` characters of `tail`. They are the first ones at `positions`.
    pub fn read(
        view: &SuffixView<'_>,
        positions: &[u32],
        tail: &[u8],
        suffix: &[u8],
        chars: usize,
    ) -> Self {
        for &position in positions {
            prefetch(view.text(), position as usize + suffix.len());
        }
        let before = &tail[..tail.len() - suffix.len()];
        let occurrence = |&position: &u32| {
            let (left, right) = view.text().split_at_checked(position as usize)?;
            let next = right.strip_prefix(suffix)?;
            Some(Occurrence {
                end: left.len() + suffix.len(),
                next: first_bytes(next),
                shared: chars + common_suffix_chars(left, before),
            })
        };
        Self {
            chars,
            found: positions.iter().map_while(occurrence).collect(),
        }
    }

    /// Returns the most characters of the response that occur with `next` after them, or None if `next` follows on no
    /// occurrence.
    pub fn before(&self, view: &SuffixView<'_>, next: &[u8]) -> Option<usize> {
        let first = first_bytes(next);
        let compare = |one: &Occurrence| one.compare(view, next, first);
        let start = self.found.partition_point(|one| compare(one).is_lt());
        let matching = self.found[start..].iter();
        matching
            .take_while(|one| compare(one).is_eq())
            .map(|one| one.shared)
            .max()
    }
}
