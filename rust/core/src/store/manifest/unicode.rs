//! The version of Unicode that texts were folded with, and whether another version folds them alike.
//!
//! Unicode guarantees that the normal form and the case folding of a character never change once it is in the tables. A
//! later version folds a text differently only if the text has a character that was not in the tables yet.

use std::path::Path;

use super::entries::NormalizationEntry;
use crate::error::{Error, Result};
use crate::text::fold::UNICODE;
use crate::text::normalization::Normalization;

/// Returns the version that a new index records, or None if it does not fold.
pub(super) fn recorded(normalization: Normalization) -> Option<String> {
    normalization.folds().then(|| shown(UNICODE))
}

fn shown((major, minor, patch): (u8, u8, u8)) -> String {
    format!("{major}.{minor}.{patch}")
}

fn read(version: &str) -> Option<(u8, u8, u8)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

impl NormalizationEntry {
    /// Refuses texts that this program might fold differently.
    pub(super) fn check_unicode(&self, path: &Path) -> Result<()> {
        let folds = Normalization::from_name(&self.name).is_some_and(Normalization::folds);
        if !folds {
            return Ok(());
        }
        let found = self
            .unicode
            .as_deref()
            .and_then(read)
            .ok_or_else(|| Error::damaged(path, "it names no version of Unicode"))?;
        let refuse = |why: &str, remedy| {
            let (found, own) = (shown(found), shown(UNICODE));
            Err(Error::Refused {
                path: path.to_owned(),
                what: format!("folded with Unicode {found}, but this quotetune has {own}, {why}"),
                remedy,
            })
        };
        match found.cmp(&UNICODE) {
            std::cmp::Ordering::Greater => refuse(
                "which may lack some of its characters",
                "use the quotetune that wrote it, or build the index again",
            ),
            std::cmp::Ordering::Less if self.unknown_characters => refuse(
                "which folds some of its characters differently",
                "build the index again, or use the quotetune that wrote it",
            ),
            _ => Ok(()),
        }
    }

    /// Returns the entry after texts that were folded now have been added.
    pub fn with_more(&self, unknown_characters: bool) -> Self {
        Self {
            unicode: self.unicode.as_ref().map(|_| shown(UNICODE)),
            unknown_characters: self.unknown_characters || unknown_characters,
            ..self.clone()
        }
    }
}
