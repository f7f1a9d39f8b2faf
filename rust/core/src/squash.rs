//! Text normalisation (signatures; bodies follow).
#![allow(unused_variables)]
use std::borrow::Cow;

/// How corpus and query text is normalised before n-grams are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    Squash,
    None,
}

impl Normalization {
    /// Changes when the output of a normalisation changes: an index records it.
    pub const VERSION: u32 = 1;
    pub fn name(self) -> &'static str {
        unimplemented!()
    }
    pub fn from_name(name: &str) -> Option<Self> {
        unimplemented!()
    }
    pub fn normalize(self, text: &str) -> Cow<'_, str> {
        unimplemented!()
    }
    pub fn normalize_with_offsets(self, text: &str) -> (Cow<'_, str>, OffsetMap) {
        unimplemented!()
    }
}

/// Maps characters of a normalised text to characters of the text as given.
#[derive(Clone, Debug)]
pub struct OffsetMap {}

impl OffsetMap {
    /// Span of the raw text, in characters, of the span `start..end` of normalised characters.
    pub fn raw_span(&self, start: usize, end: usize) -> (usize, usize) {
        unimplemented!()
    }
}
