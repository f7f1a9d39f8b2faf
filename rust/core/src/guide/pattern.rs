//! The text whose longest suffix is wanted: the last characters of a response, then what a token adds.

use crate::text::chars::count_chars;

/// A normalised text. It may end with the first bytes of a character.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a> {
    pub bytes: &'a [u8],
    /// Bytes at the start that are from the response.
    pub tail: usize,
    /// Characters after the tail.
    pub added: usize,
    /// Bytes at the end that are no whole character. The match must continue with them, but they count nothing.
    pub incomplete: usize,
}

impl<'a> Pattern<'a> {
    /// Makes a pattern of bytes that start with `tail` bytes of the response.
    pub fn new(bytes: &'a [u8], tail: usize, incomplete: usize) -> Self {
        Self {
            bytes,
            tail,
            added: count_chars(&bytes[tail..bytes.len() - incomplete]),
            incomplete,
        }
    }

    /// Returns the number of whole characters.
    pub fn chars(&self) -> usize {
        count_chars(&self.bytes[..self.tail]) + self.added
    }

    /// The whole characters.
    pub fn text(&self) -> &'a [u8] {
        &self.bytes[..self.bytes.len() - self.incomplete]
    }

    /// Returns the byte where the last `chars` characters start.
    pub fn start_of_last(&self, chars: usize) -> usize {
        start_of_last(self.text(), chars)
    }

    /// Returns what follows on the tail.
    pub fn after_tail(&self) -> &'a [u8] {
        &self.bytes[self.tail..]
    }
}

/// Returns the byte of UTF-8 text where its last `chars` characters start; 0 if there are fewer.
pub fn start_of_last(text: &[u8], chars: usize) -> usize {
    let mut missing = chars;
    let mut start = text.len();
    while missing > 0 && start > 0 {
        start -= 1;
        missing -= usize::from(begins_char(text[start]));
    }
    start
}

/// Returns the number of whole characters at the end of both texts.
pub fn common_suffix_chars(a: &[u8], b: &[u8]) -> usize {
    let pairs = a.iter().rev().zip(b.iter().rev());
    let same = pairs.take_while(|(a, b)| a == b);
    same.filter(|&(&byte, _)| begins_char(byte)).count()
}

pub fn begins_char(byte: u8) -> bool {
    byte as i8 >= -0x40
}
