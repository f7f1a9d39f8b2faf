//! What stands in front of each suffix of a lean index: three bytes that mostly save a look at the text.
//!
//! A mark of the last bytes in front tells most suffixes apart from those that are looked for. Where a thousand suffixes
//! are alike, so is mostly what stands in front of them: each knows how much of it the one before it has, too, and with
//! which byte it then goes its own way, so that after a look at the first the others need none.

use bytemuck::{Pod, Zeroable};

/// Bytes in front of a suffix that its mark is made of.
const MARKED: usize = 4;

/// What stands in front of one suffix, in three bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Front {
    mark: u8,
    /// Bytes in front that are those in front of the suffix before it in the order; 255 for more.
    shared: u8,
    /// The byte in front of those; 0 if there is none.
    next: u8,
}

/// What stands in front of the suffixes at `positions`, which are in the order of the suffixes.
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

/// A byte of the last bytes of `before`; 0 for too few.
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

/// The byte of `before` in front of its last `shared`.
fn from_the_end(before: &[u8], shared: usize) -> u8 {
    let mut bytes = before.iter().rev();
    bytes.nth(shared).copied().unwrap_or_default()
}

/// Looks at neighbouring suffixes, one after another, for those that a string stands in front of.
pub struct FrontScan<'a> {
    fronts: &'a [Front],
    text: &'a [u8],
    before: &'a [u8],
    mark: Option<u8>,
    /// Bytes at the end of `before` that are in front of the suffix looked at last, where that is known.
    known: Option<usize>,
}

impl<'a> FrontScan<'a> {
    /// Looks for `before`, of less than 255 bytes: what is in front of an anchor lies within a window.
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

    /// Whether the string stands in front of the suffix at `position`, the next behind the last in the order.
    #[inline]
    pub fn forward(&mut self, index: usize, position: usize) -> bool {
        let front = self.fronts.get(index).copied();
        let shared = front.map_or(0, |front| usize::from(front.shared));
        // The last one matched just as far as this one is like it: this one matches further only if its next byte does.
        if self.known == Some(shared) && shared < self.before.len() {
            let wanted = from_the_end(self.before, shared);
            if front.is_some_and(|front| front.next != wanted) {
                return false;
            }
        }
        self.look(index, position, shared)
    }

    /// The same for the suffix in front of the last in the order.
    #[inline]
    pub fn backward(&mut self, index: usize, position: usize) -> bool {
        let later = self.fronts.get(index + 1);
        self.look(
            index,
            position,
            later.map_or(0, |front| usize::from(front.shared)),
        )
    }

    /// `shared`: bytes that stand in front of this suffix and the last.
    #[inline]
    fn look(&mut self, index: usize, position: usize, shared: usize) -> bool {
        let whole = self.before.len();
        self.known = match self.known {
            // This one parts from the last one at another byte than the last one does from the string: it matches as far as
            // the nearer of the two.
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
