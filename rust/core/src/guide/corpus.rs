//! What a guide looks for matches in: an index, or a few texts in memory.

use std::sync::Arc;

use super::texts::Texts;
use crate::error::Result;
use crate::query::Index;
use crate::suffix::lean::LeanView;
use crate::suffix::text_index::TextIndex;
use crate::suffix::view::SuffixView;
use crate::text::anchors::Anchors;
use crate::text::normalization::Normalization;

#[derive(Clone)]
pub enum Corpus {
    Index(Arc<Index>),
    Texts(Arc<Texts>),
}

/// The structures that answer.
pub(super) enum Structures<'a> {
    Full(Vec<SuffixView<'a>>),
    Lean(Vec<LeanView<'a>>, &'a Anchors),
    Filter(&'a Index),
}

impl Corpus {
    pub fn normalization(&self) -> Normalization {
        match self {
            Self::Index(index) => index.normalization(),
            Self::Texts(texts) => texts.normalization(),
        }
    }

    /// Returns the length of the shortest match that can be found, in characters.
    pub fn shortest(&self) -> usize {
        match self {
            Self::Index(index) if !index.has_suffix_index() || index.anchors().is_some() => {
                index.n()
            }
            _ => 1,
        }
    }

    pub(super) fn structures(&self) -> Result<Structures<'_>> {
        let index = match self {
            Self::Texts(texts) => return Ok(Structures::Full(vec![texts.view()])),
            Self::Index(index) => index,
        };
        if !index.has_suffix_index() {
            return Ok(Structures::Filter(index));
        }
        let (mut full, mut lean) = (Vec::new(), Vec::new());
        for segment in index.text_indexes()? {
            match segment {
                TextIndex::Full(view) => full.push(view),
                TextIndex::Lean(view) => lean.push(view),
            }
        }
        Ok(match index.anchors() {
            Some(anchors) => Structures::Lean(lean, anchors),
            None => Structures::Full(full),
        })
    }

    /// Fails if a file of the index was cut, so that what was read from it does not count.
    pub(super) fn check_whole(&self) -> Result<()> {
        match self {
            Self::Index(index) => index.check_whole(),
            Self::Texts(_) => Ok(()),
        }
    }
}
