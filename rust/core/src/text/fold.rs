//! `fold`: differences of typography that a reader does not see or does not mean.
//!
//! The definition has three steps: remove the characters that [`typography`](super::typography) names, apply NFKC, then
//! straighten quotation marks and dashes. `fold-case` folds case between the decomposition and the composition of NFKC, as
//! Unicode's caseless matching does. ASCII changes only in case and is copied in bulk. A character that neither changes
//! nor combines with the next one is copied, too. The others go through a [`Cluster`].

use std::borrow::Cow;
use std::iter;

use unicode_normalization::char::{
    canonical_combining_class, decompose_compatible, is_public_assigned,
};
use unicode_normalization::{IsNormalized, is_nfc_quick};

use super::fold_cluster::{Cluster, Origins};
use super::fold_map::FoldMap;
use super::stable::StableCharacters;
use super::typography::is_left_out;

/// The version of Unicode's tables. A character that is not in them is left as it is.
pub const UNICODE: (u8, u8, u8) = unicode_normalization::UNICODE_VERSION;

// An index records one version for both tables.
const _: () = {
    let cases = unicode_case_mapping::UNICODE_VERSION;
    assert!(UNICODE.0 as u64 == cases.0 && UNICODE.1 as u64 == cases.1);
};

/// Returns the folded text, borrowed if nothing changes. `case` says whether to fold case, too.
pub fn fold(text: &str, case: bool) -> Cow<'_, str> {
    match is_folded(text, case) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(Folder::new(text, case, ()).fold().0),
    }
}

/// Returns the folded text and a map from its characters to those of `text`, or no map if nothing changes.
pub fn fold_with_offsets(text: &str, case: bool) -> (Cow<'_, str>, Option<FoldMap>) {
    if is_folded(text, case) {
        return (Cow::Borrowed(text), None);
    }
    let (folded, map) = Folder::new(text, case, FoldMap::default()).fold();
    (Cow::Owned(folded), Some(map))
}

/// Returns whether all characters of a text are in the tables. Every later version of Unicode then folds the text alike.
pub fn is_known(text: &str) -> bool {
    let mut chars = text.chars();
    text.is_ascii() || chars.all(|c| c.is_ascii() || is_public_assigned(c) || stays_unassigned(c))
}

/// Returns whether a character is for private use, or is a noncharacter. Unicode never defines those.
fn stays_unassigned(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'.. | '\u{FDD0}'..='\u{FDEF}')
        || c as u32 & 0xFFFE == 0xFFFE
}

/// Returns whether a quick look shows that folding changes nothing.
fn is_folded(text: &str, case: bool) -> bool {
    text.is_ascii() && !(case && text.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// A pass over a text.
struct Folder<'t, O> {
    text: &'t str,
    case: bool,
    cluster: Cluster<O>,
    /// A character, with its place, that is copied unless the next one combines with it.
    held: Option<(char, usize)>,
    stable: &'static StableCharacters,
}

impl<'t, O: Origins> Folder<'t, O> {
    fn new(text: &'t str, case: bool, origins: O) -> Self {
        Self {
            text,
            case,
            cluster: Cluster::new(text.len(), case, origins),
            held: None,
            stable: StableCharacters::of(case),
        }
    }

    fn fold(mut self) -> (String, O) {
        let (mut rest, mut raw) = (self.text, 0);
        while let Some(c) = rest.chars().next() {
            let ascii = ascii_prefix(rest.as_bytes());
            if ascii > 0 {
                self.settle();
                // An accent may follow on the last character.
                self.cluster.push_ascii(&rest[..ascii - 1], raw);
                raw += ascii;
                let last = char::from(rest.as_bytes()[ascii - 1]);
                self.held = Some((self.lowered(last), raw - 1));
                rest = &rest[ascii..];
                continue;
            }
            self.take(c, raw);
            raw += 1;
            rest = &rest[c.len_utf8()..];
        }
        self.settle();
        self.cluster.finish()
    }

    fn lowered(&self, c: char) -> char {
        if self.case { c.to_ascii_lowercase() } else { c }
    }

    /// Takes a character that is not ASCII.
    fn take(&mut self, c: char, raw: usize) {
        if is_left_out(c) {
            return;
        }
        if self.stable.contains(c) {
            self.settle();
            self.held = Some((c, raw));
            return;
        }
        if let Some((held, at)) = self.held.take() {
            self.decompose(held, at);
        }
        self.decompose(c, raw);
    }

    /// Appends what is pending. The next character does not combine with it.
    fn settle(&mut self) {
        match self.held.take() {
            Some((held, raw)) => self.cluster.push_stable(held, raw),
            None => self.cluster.flush(),
        }
    }

    fn decompose(&mut self, c: char, raw: usize) {
        decompose_compatible(c, |part| {
            if !self.case {
                return self.push(part, raw);
            }
            match part {
                // Of the letters that do not decompose, only these fold to two.
                'ß' | 'ẞ' => {
                    self.push('s', raw);
                    self.push('s', raw);
                }
                _ => self.push(part, raw),
            }
        });
    }

    fn push(&mut self, part: char, raw: usize) {
        let class = canonical_combining_class(part);
        if class == 0 && is_nfc_quick(iter::once(part)) == IsNormalized::Yes {
            self.cluster.flush();
        }
        self.cluster.push(part, class, raw);
    }
}

/// Returns the number of ASCII bytes at the start.
fn ascii_prefix(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let whole = blocks.iter().take_while(|block| block.is_ascii()).count() * BLOCK;
    let rest = bytes[whole..].iter().take_while(|byte| byte.is_ascii());
    whole + rest.count()
}
