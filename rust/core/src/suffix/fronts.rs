//! The text before each suffix of a lean index, in three bytes that mostly save a look at the text.
//!
//! A mark of the last bytes before a suffix rules out most suffixes that do not match. Where a thousand suffixes are
//! alike, the text before them mostly is, too. Each suffix therefore stores how many of those bytes it shares with
//! its predecessor and the first byte in which they differ, so that after one look at the text the others need none.

use bytemuck::{Pod, Zeroable};

/// Bytes before a suffix that its mark is made of.
const MARKED: usize = 4;

/// The text before one suffix, in three bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Front {
    mark: u8,
    /// Bytes before the suffix that it shares with its predecessor in the order; 255 means 255 or more.
    shared: u8,
    /// The byte before the shared ones; 0 if there is none.
    next: u8,
}

/// Computes the fronts of the suffixes at `positions`, which are in the order of the suffixes.
pub fn fronts(text: &[u8], positions: &[u32]) -> Vec<Front> {
    let mut previous: &[u8] = &[];
    let front = |&position: &u32| {
        let before = &text[..position as usize];
        let shared = common_suffix(before, previous, usize::from(u8::MAX));
        previous = before;
        Front {
            mark: mark(before),
            shared: shared as u8,
            next: from_the_end(before, shared),
        }
    };
    positions.iter().map(front).collect()
}

/// Returns a hash of the last bytes of `before` in one byte, or 0 if there are too few.
fn mark(before: &[u8]) -> u8 {
    let last = before.last_chunk::<MARKED>();
    last.map_or(0, |&bytes| {
        (u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1) >> 24) as u8
    })
}

fn common_suffix(a: &[u8], b: &[u8], most: usize) -> usize {
    let pairs = a.iter().rev().zip(b.iter().rev()).take(most);
    pairs.take_while(|(a, b)| a == b).count()
}

/// Returns the byte of `before` that precedes its last `shared` bytes.
fn from_the_end(before: &[u8], shared: usize) -> u8 {
    let mut bytes = before.iter().rev();
    bytes.nth(shared).copied().unwrap_or_default()
}

/// Scans neighbouring suffixes, one after another, for those that a given string precedes.
pub struct FrontScan<'a> {
    fronts: &'a [Front],
    text: &'a [u8],
    before: &'a [u8],
    mark: Option<u8>,
    /// Bytes at the end of `before` that precede the suffix looked at last, if their number is known.
    known: Option<usize>,
}

impl<'a> FrontScan<'a> {
    /// Scans for `before`, which has fewer than 255 bytes: the text before an anchor is within a window.
    pub fn new(fronts: &'a [Front], text: &'a [u8], before: &'a [u8]) -> Self {
        debug_assert!(before.len() < usize::from(u8::MAX));
        Self {
            fronts,
            text,
            before,
            mark: (before.len() >= MARKED).then(|| mark(before)),
            known: None,
        }
    }

    /// Whether the string precedes the suffix at `position`, the next one in the order.
    #[inline]
    pub fn forward(&mut self, index: usize, position: usize) -> bool {
        let front = self.fronts.get(index).copied();
        let shared = front.map_or(0, |front| usize::from(front.shared));
        // The previous suffix matched exactly as far as this one resembles it, so this one matches further only if
        // its next byte does.
        if self.known == Some(shared) && shared < self.before.len() {
            let wanted = from_the_end(self.before, shared);
            if front.is_some_and(|front| front.next != wanted) {
                return false;
            }
        }
        self.look(index, position, shared)
    }

    /// Does the same for the suffix just before the last one in the order.
    #[inline]
    pub fn backward(&mut self, index: usize, position: usize) -> bool {
        let later = self.fronts.get(index + 1);
        self.look(
            index,
            position,
            later.map_or(0, |front| usize::from(front.shared)),
        )
    }

    /// `shared`: bytes that precede both this suffix and the last one.
    #[inline]
    fn look(&mut self, index: usize, position: usize, shared: usize) -> bool {
        let whole = self.before.len();
        self.known = match self.known {
            // This suffix and the last one differ at another byte than the last one and the string, so it matches up
            // to the nearer of the two.
            Some(known) if known == whole || known != shared => Some(known.min(shared)),
            _ if self.mark.is_some_and(|mark| self.mark_of(index) != mark) => None,
            _ => {
                let before = self.text.get(..position).unwrap_or_default();
                Some(common_suffix(before, self.before, whole))
            }
        };
        self.known == Some(whole)
    }

    fn mark_of(&self, index: usize) -> u8 {
        self.fronts.get(index).map_or(0, |front| front.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suffix::array::suffix_array;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_find_what_a_look_at_each_finds(
            text in "[ab]{0,300}",
            before in "[ab]{0,9}",
        ) {
            let text = text.as_bytes();
            let positions = suffix_array(text);
            let fronts = fronts(text, &positions);
            let at = |index: usize| positions[index] as usize;
            let expected: Vec<usize> = (0..positions.len())
                .filter(|&index| text[..at(index)].ends_with(before.as_bytes()))
                .collect();
            let mut scan = FrontScan::new(&fronts, text, before.as_bytes());
            let found: Vec<usize> = (0..positions.len())
                .filter(|&index| scan.forward(index, at(index)))
                .collect();
            prop_assert_eq!(&found, &expected);
            let mut scan = FrontScan::new(&fronts, text, before.as_bytes());
            let mut found: Vec<usize> = (0..positions.len())
                .rev()
                .filter(|&index| scan.backward(index, at(index)))
                .collect();
            found.reverse();
            prop_assert_eq!(&found, &expected);
        }
    }

    #[test]
    fn more_bytes_are_shared_than_a_byte_can_say() {
        let text = "a".repeat(1000);
        let positions = suffix_array(text.as_bytes());
        let fronts = fronts(text.as_bytes(), &positions);
        let before = [b'a'; 200];
        let mut scan = FrontScan::new(&fronts, text.as_bytes(), &before);
        let found = (0..1000).filter(|&index| scan.forward(index, positions[index] as usize));
        assert_eq!(found.count(), 800);
    }
}
