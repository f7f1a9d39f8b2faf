//! The normalisation `fold`: typography that a reader does not see, or takes for the same.
//!
//! The characters that [`typography`](super::typography) leaves out go, then comes NFKC, then the marks that it
//! straightens; for `fold-case` case folding stands between decomposition and composition, as in Unicode's caseless
//! matching. Most text is ASCII, on which all but the case is the identity, and is copied in bulk. Elsewhere a character
//! that neither changes nor goes together with the next is copied, too; the rest goes through [`Cluster`].

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

/// The version of Unicode's tables: a character that it does not know is left as it is.
pub const UNICODE: (u8, u8, u8) = unicode_normalization::UNICODE_VERSION;

// One version is recorded: that of both tables.
const _: () = {
    let cases = unicode_case_mapping::UNICODE_VERSION;
    assert!(UNICODE.0 as u64 == cases.0 && UNICODE.1 as u64 == cases.1);
};

/// The folded text; borrowed where it is as given. `case`: whether case is folded, too.
pub fn fold(text: &str, case: bool) -> Cow<'_, str> {
    match is_folded(text, case) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(Folder::new(text, case, ()).fold().0),
    }
}

/// The folded text with a map from its characters back to those of `text`; none where they are the same.
pub fn fold_with_offsets(text: &str, case: bool) -> (Cow<'_, str>, Option<FoldMap>) {
    if is_folded(text, case) {
        return (Cow::Borrowed(text), None);
    }
    let (folded, map) = Folder::new(text, case, FoldMap::default()).fold();
    (Cow::Owned(folded), Some(map))
}

/// Whether all characters of a text are in the tables: then every later version folds it alike, as Unicode promises.
pub fn is_known(text: &str) -> bool {
    let private = |c| matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..);
    text.is_ascii()
        || text
            .chars()
            .all(|c| c.is_ascii() || is_public_assigned(c) || private(c))
}

/// A quick look: only ASCII is sure to be folded already.
fn is_folded(text: &str, case: bool) -> bool {
    text.is_ascii() && !(case && text.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// One pass over a text.
struct Folder<'t, O> {
    text: &'t str,
    case: bool,
    cluster: Cluster<O>,
    /// A character that stands as it is unless the next one goes together with it.
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
                // The last one may carry an accent.
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

    /// Take a character that is not ASCII.
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

    /// End what was in the making: the next character begins anew.
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
                // The only letters that decomposition leaves and that fold to two.
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

/// Bytes of ASCII at the start.
fn ascii_prefix(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let whole = blocks.iter().take_while(|block| block.is_ascii()).count() * BLOCK;
    let rest = bytes[whole..].iter().take_while(|byte| byte.is_ascii());
    whole + rest.count()
}
