//! Suffix array of a segment's text (signatures; bodies follow).
#![allow(unused_variables)]

use std::ops::Range;

/// Follows every document in a segment's text; no UTF-8 contains it.
pub const SEPARATOR: u8 = 0xFF;
/// Longest text of a segment, bytes.
pub const MAX_TEXT: usize = i32::MAX as usize;

/// Suffix array of `text` (at most `MAX_TEXT` bytes; panics otherwise).
pub fn suffix_array(text: &[u8]) -> Vec<u32> {
    unimplemented!()
}
/// Where the suffixes of each 1-, 2- or 3-byte prefix begin in the suffix array (size depends on the text's length).
pub fn jump_table(text: &[u8]) -> Vec<u32> {
    unimplemented!()
}

/// A segment's text with its suffix array and jump table, e.g. of memory maps.
#[derive(Clone, Copy, Debug)]
pub struct SuffixView<'a> {
    text: &'a [u8],
    sa: &'a [u32],
    jump: &'a [u32],
}
impl<'a> SuffixView<'a> {
    /// None if the lengths do not fit each other.
    pub fn new(text: &'a [u8], sa: &'a [u32], jump: &'a [u32]) -> Option<Self> {
        unimplemented!()
    }
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
    /// Bytes of the longest prefix of `pattern` that occurs in the text.
    pub fn longest_prefix(&self, pattern: &[u8]) -> usize {
        unimplemented!()
    }
    /// Interval of the suffix array whose suffixes start with `pattern`.
    pub fn interval(&self, pattern: &[u8]) -> Range<usize> {
        unimplemented!()
    }
    /// Text positions of an interval, unordered.
    pub fn positions(&self, interval: Range<usize>) -> &'a [u32] {
        unimplemented!()
    }
}
