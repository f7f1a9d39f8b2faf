//! A document as an index takes it: normalised, with what leads back to the text as given.

use std::borrow::Cow;

use super::places::Document;
use crate::store::original::normalize_reversibly;
use crate::text::fold;
use crate::text::normalization::Normalization;

/// A normalised document and its length, which threads compute in parallel.
pub(super) struct Prepared {
    pub document: Document,
    /// The edits that lead from the normalised text back to the text as given; empty where that is not kept.
    pub edits: Vec<u8>,
    pub characters: usize,
    /// Whether the text is folded and has characters that are not in Unicode's tables.
    pub has_unknown: bool,
}

impl Prepared {
    /// Normalises a document. `keeps_text`: whether the index keeps its text.
    pub fn new(mut document: Document, normalization: Normalization, keeps_text: bool) -> Self {
        let has_unknown = normalization.folds() && !fold::is_known(&document.text);
        let edits;
        (document.text, edits) = match normalization.folds() && keeps_text {
            true => normalize_reversibly(normalization, document.text),
            false => (normalized(normalization, document.text), Vec::new()),
        };
        Self {
            characters: document.text.chars().count(),
            document,
            edits,
            has_unknown,
        }
    }
}

fn normalized(normalization: Normalization, text: String) -> String {
    match normalization.normalize(&text) {
        // Most text is already normal and need not be copied.
        Cow::Borrowed(normal) if normal.len() == text.len() => text,
        changed => changed.into_owned(),
    }
}
