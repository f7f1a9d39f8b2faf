//! The two ways to find strings in a segment's text: its full suffix array, or the lean one of its anchors.

use std::borrow::Cow;

use super::lean::LeanView;
use super::view::SuffixView;
use crate::memory::side_by_side::side_by_side;

/// Which suffixes of the text an index sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffixes {
    All,
    /// Those at anchors.
    Anchors,
}

impl Suffixes {
    /// The structure's name, in a manifest and for users.
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

/// Finds strings in the text of a segment. A pattern comes with the byte at which the anchor of its first window stands
/// ([`crate::text::anchors`]), or none if it has fewer than n characters; only a lean index looks at it.
#[derive(Clone, Copy, Debug)]
pub enum TextIndex<'a> {
    Full(SuffixView<'a>),
    Lean(LeanView<'a>),
}

impl<'a> TextIndex<'a> {
    /// Bytes of the longest prefix of `pattern` that occurs; a lean index says 0 for less than `least`, which is no less
    /// than the first window, and needs the anchor.
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

    /// Where `pattern` occurs in the text, overlapping occurrences too; in no order.
    pub async fn positions(&self, pattern: &[u8], anchor: Option<usize>) -> Cow<'a, [u32]> {
        match self {
            Self::Full(view) => view.positions(view.interval(pattern).await).into(),
            Self::Lean(view) => view.positions(pattern, anchor).await,
        }
    }

    /// How often each of `patterns` occurs in the text.
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
