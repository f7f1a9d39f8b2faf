//! The suffixes of several segments in one order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use crate::memory::prefetch::prefetch;
use crate::suffix::view::SuffixView;

/// How far ahead the start of a suffix is fetched into the cache.
const AHEAD: usize = 24;

/// A place in the text of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub segment: u32,
    pub position: u32,
}

/// Yields the places of suffixes in the order of their first `bytes` bytes.
pub struct Merged<'a> {
    views: &'a [SuffixView<'a>],
    bytes: usize,
    heads: BinaryHeap<Reverse<Head<'a>>>,
}

/// The next suffix of a segment.
struct Head<'a> {
    key: &'a [u8],
    segment: u32,
    index: usize,
    end: usize,
}

impl<'a> Merged<'a> {
    /// Starts to merge a range of each view's suffixes.
    pub fn new(
        views: &'a [SuffixView<'a>],
        ranges: impl IntoIterator<Item = Range<usize>>,
        bytes: usize,
    ) -> Self {
        let heads = ranges.into_iter().enumerate();
        let heads = heads.filter(|(_, range)| !range.is_empty());
        let heads = heads.map(|(segment, range)| {
            Reverse(Head {
                key: key(&views[segment], range.start, bytes),
                segment: segment as u32,
                index: range.start,
                end: range.end,
            })
        });
        Self {
            views,
            bytes,
            heads: heads.collect(),
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let mut head = self.heads.peek_mut()?;
        let Head {
            segment,
            index,
            end,
            ..
        } = head.0;
        let view = &self.views[segment as usize];
        let place = Place {
            segment,
            position: view.position(index) as u32,
        };
        if index + 1 < end {
            view.prefetch(index + 2 * AHEAD);
            prefetch(view.text(), view.position(index + AHEAD));
            head.0.index += 1;
            head.0.key = key(view, index + 1, self.bytes);
        } else {
            PeekMut::pop(head);
        }
        Some(place)
    }
}

fn key<'a>(view: &SuffixView<'a>, index: usize, bytes: usize) -> &'a [u8] {
    let suffix = view.suffix(index);
    &suffix[..bytes.min(suffix.len())]
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.key.cmp(other.key);
        order.then_with(|| self.segment.cmp(&other.segment))
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head<'_> {}
