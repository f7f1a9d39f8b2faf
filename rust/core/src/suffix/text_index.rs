//! The two indexes that find strings in a segment's text: the full suffix array, and the lean one of its anchors.

use std::borrow::Cow;

use super::lean::LeanView;
use super::view::SuffixView;
use crate::memory::side_by_side::side_by_side;

/// The suffixes of the text that an index sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffixes {
    All,
    /// Suffixes that start at anchors.
    Anchors,
}

impl Suffixes {
    /// Returns the name of the structure in manifests and for users.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "suffix",
            Self::Anchors => "lean",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::All, Self::Anchors]
            .into_iter()
            .find(|suffixes| suffixes.name() == name)
    }
}

/// Finds strings in the text of a segment. A pattern comes with the byte position of the anchor of its first window
/// ([`crate::text::anchors`]), or None if it has fewer than n characters. Only a lean index uses it.
#[derive(Clone, Copy, Debug)]
pub enum TextIndex<'a> {
    Full(SuffixView<'a>),
    Lean(LeanView<'a>),
}

impl<'a> TextIndex<'a> {
    pub fn text(&self) -> &'a [u8] {
        match self {
            Self::Full(view) => view.text(),
            Self::Lean(view) => view.text(),
        }
    }

    /// Returns an index whose searches ask for the pages that they need next.
    pub fn asking(self) -> Self {
        match self {
            Self::Full(view) => Self::Full(view.asking()),
            Self::Lean(view) => Self::Lean(view.asking()),
        }
    }

    /// Reads the pages that a search for `pattern` needs, so that a later one finds them in memory.
    pub async fn rehearse(&self, pattern: &[u8], anchor: Option<usize>) {
        match (self, anchor) {
            (Self::Full(view), _) => _ = view.lower_bound(pattern).await,
            (Self::Lean(view), Some(anchor)) => view.rehearse(pattern, anchor).await,
            (Self::Lean(_), None) => {}
        }
    }

    /// Returns the bytes of the longest prefix of `pattern` that occurs. A lean index needs the anchor and returns 0
    /// for less than `least`, which is at least the length of the first window.
    pub async fn longest_prefix(
        &self,
        pattern: &[u8],
        anchor: Option<usize>,
        least: usize,
    ) -> usize {
        match (self, anchor) {
            (Self::Full(view), _) => view.longest_prefix(pattern).await,
            (Self::Lean(view), Some(anchor)) => view.longest_prefix(pattern, anchor, least).await,
            (Self::Lean(_), None) => 0,
        }
    }

    pub async fn contains(&self, pattern: &[u8], anchor: Option<usize>) -> bool {
        match self {
            Self::Full(view) => view.contains(pattern).await,
            Self::Lean(view) => view.contains(pattern, anchor).await,
        }
    }

    /// Returns where `pattern` occurs in the text, overlapping occurrences included, in no particular order.
    pub async fn positions(&self, pattern: &[u8], anchor: Option<usize>) -> Cow<'a, [u32]> {
        match self {
            Self::Full(view) => view.positions(view.interval(pattern).await).into(),
            Self::Lean(view) => view.positions(pattern, anchor).await,
        }
    }

    /// Returns how often each of `patterns` occurs in the text.
    pub fn counts(&self, patterns: &[(&[u8], Option<usize>)]) -> Vec<usize> {
        match self {
            Self::Full(view) => {
                let patterns: Vec<&[u8]> = patterns.iter().map(|&(pattern, _)| pattern).collect();
                view.counts(&patterns)
            }
            Self::Lean(view) => {
                let count = async |&(pattern, anchor): &(&[u8], Option<usize>)| {
                    view.positions(pattern, anchor).await.len()
                };
                side_by_side(patterns.iter().map(count))
            }
        }
    }
}
