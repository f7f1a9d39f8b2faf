//! The version of Unicode that texts were folded by, and whether another version would have folded them alike.
//!
//! Unicode promises that a character that is in its tables keeps its normal form and its case folding for ever. So a later
//! version folds a text in another way only if the text has a character that was not in the tables yet.

use std::path::Path;

use super::entries::NormalizationEntry;
use crate::error::{Error, Result};
use crate::text::fold::UNICODE;
use crate::text::normalization::Normalization;

/// What an index that is made now records.
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
    /// Refuse texts that this program might fold in another way.
    pub(super) fn check_unicode(&self, path: &Path) -> Result<()> {
        let folds = Normalization::from_name(&self.name).is_some_and(Normalization::folds);
        if !folds {
            return Ok(());
        }
        let found = self.unicode.as_deref().and_then(read).ok_or_else(|| {
            Error::damaged(path, "it does not say which version of Unicode it is of")
        })?;
        let refuse = |why: &str, remedy| {
            let (found, own) = (shown(found), shown(UNICODE));
            Err(Error::Refused {
                path: path.to_owned(),
                what: format!("folded by Unicode {found}, but this quotetune has {own}, {why}"),
                remedy,
            })
        };
        match found.cmp(&UNICODE) {
            std::cmp::Ordering::Greater => refuse(
                "which may lack characters of the texts",
                "use the quotetune that wrote it, or build the index again",
            ),
            std::cmp::Ordering::Less if self.unknown_characters => refuse(
                "which knows more characters of the texts",
                "build the index again, or use the quotetune that wrote it",
            ),
            _ => Ok(()),
        }
    }

    /// What is recorded when texts that were folded now join those that are there.
    pub fn with_more(&self, unknown_characters: bool) -> Self {
        Self {
            unicode: self.unicode.as_ref().map(|_| shown(UNICODE)),
            unknown_characters: self.unknown_characters || unknown_characters,
            ..self.clone()
        }
    }
}
