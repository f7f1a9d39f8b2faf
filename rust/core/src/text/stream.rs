//! A text that arrives in pieces of bytes, such as the tokens of a response, and is normalised as it comes.
//!
//! The pieces may cut characters. What is normalised so far is what the normalisation of the whole text starts with,
//! except for characters at the end that a later one may still change. `fold` has those, because an accent may follow
//! a letter. White space at the end counts, although the end of a text has none, because more text follows on it.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use unicode_normalization::{IsNormalized, is_nfc_quick};

use super::fold::fold;
use super::normalization::Normalization;
use super::squash::{KeptWhiteSpace, is_white_space};
use super::typography::is_left_out;

/// The state of the normalisation between two pieces of a text.
#[derive(Clone, Debug)]
pub struct TextStream {
    normalization: Normalization,
    white_space: Squasher,
    /// Characters that a later one may still change, then the first bytes of a character.
    pending: Vec<u8>,
}

/// What a piece adds to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// Whether bytes came that are not UTF-8. Only the text after them was appended.
    pub broken: bool,
    /// Bytes at the end of the text that start a character.
    pub incomplete: usize,
}

impl TextStream {
    pub fn new(normalization: Normalization) -> Self {
        Self {
            normalization,
            white_space: Squasher::default(),
            pending: Vec::new(),
        }
    }

    /// Takes the next piece of the text and appends to `settled` what no later piece can change. Bytes that are not
    /// UTF-8 clear `settled` first, because nothing in a corpus contains them.
    pub fn push(&mut self, piece: &[u8], settled: &mut String) {
        self.pending.extend_from_slice(piece);
        let raw = std::mem::take(&mut self.pending);
        let (broken, text, incomplete) = last_text(&raw);
        if broken {
            settled.clear();
            self.white_space = Squasher::after_text();
        }
        let end = match self.normalization.folds() {
            true => text.char_indices().rev().find(|&(_, c)| is_apart(c)),
            false => Some((text.len(), ' ')),
        };
        let end = end.map_or(0, |(end, _)| end);
        self.white_space
            .append(self.normalization, &text[..end], settled);
        self.pending.extend_from_slice(&text.as_bytes()[end..]);
        self.pending.extend_from_slice(incomplete);
    }

    /// Appends to `text` what follows on the settled text if it ends after `piece`, then the bytes of a character that
    /// is not complete.
    pub fn peek(&self, piece: &[u8], text: &mut Vec<u8>) -> Added {
        let joined;
        let raw = match self.pending.is_empty() {
            true => piece,
            false => {
                joined = [&self.pending, piece].concat();
                &joined
            }
        };
        let (broken, complete, incomplete) = last_text(raw);
        let mut white_space = match broken {
            true => Squasher::after_text(),
            false => self.white_space,
        };
        white_space.append(self.normalization, complete, text);
        text.extend_from_slice(incomplete);
        Added {
            broken,
            incomplete: incomplete.len(),
        }
    }
}

/// Splits bytes into the text after the last ones that are not UTF-8, and the start of a character at the end. The
/// first result says whether there were any that are not UTF-8.
fn last_text(mut raw: &[u8]) -> (bool, &str, &[u8]) {
    let mut broken = false;
    loop {
        let error = match str::from_utf8(raw) {
            Ok(text) => return (broken, text, &[]),
            Err(error) => error,
        };
        let (valid, rest) = raw.split_at(error.valid_up_to());
        match error.error_len() {
            None => return (broken, str::from_utf8(valid).unwrap_or_default(), rest),
            Some(length) => raw = &rest[length..],
        }
        broken = true;
    }
}

/// Whether folding treats the text before a character apart from the text that starts with it, as
/// [`fold`](super::fold) does.
fn is_apart(c: char) -> bool {
    if c.is_ascii() {
        return true;
    }
    let mut first = None;
    decompose_compatible(c, |part| {
        first.get_or_insert(part);
    });
    let starts = |part| {
        canonical_combining_class(part) == 0
            && is_nfc_quick(std::iter::once(part)) == IsNormalized::Yes
    };
    !is_left_out(c) && first.is_some_and(starts)
}

/// Where in a text squash is.
#[derive(Clone, Copy, Debug, Default)]
struct Squasher {
    /// Whether a character came that is no white space. What is before it is dropped.
    started: bool,
    kept: KeptWhiteSpace,
}

/// Something that text is appended to.
trait Output {
    fn push_text(&mut self, text: &str);
    fn push_char(&mut self, c: char);
}

impl Output for String {
    fn push_text(&mut self, text: &str) {
        self.push_str(text);
    }

    fn push_char(&mut self, c: char) {
        self.push(c);
    }
}

impl Output for Vec<u8> {
    fn push_text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn push_char(&mut self, c: char) {
        self.push_text(c.encode_utf8(&mut [0; 4]));
    }
}

impl Squasher {
    fn after_text() -> Self {
        Self {
            started: true,
            kept: KeptWhiteSpace::default(),
        }
    }

    fn append(&mut self, normalization: Normalization, text: &str, output: &mut impl Output) {
        match normalization {
            Normalization::None => output.push_text(text),
            Normalization::Squash => self.squash(text, output),
            Normalization::Fold => self.squash(&fold(text, false), output),
            Normalization::FoldCase => self.squash(&fold(text, true), output),
        }
    }

    fn squash(&mut self, text: &str, output: &mut impl Output) {
        for c in text.chars() {
            if !is_white_space(c) {
                *self = Self::after_text();
                output.push_char(c);
            } else if self.started
                && let Some(kept) = self.kept.next(c)
            {
                output.push_char(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Normalization; 4] = [
        Normalization::Squash,
        Normalization::Fold,
        Normalization::FoldCase,
        Normalization::None,
    ];

    proptest! {
        #[test]
        fn the_pieces_give_the_normalisation_of_the_whole(
            text in "([ab \n\r\t\u{3000}\u{85}]|[eE\u{301}\u{323}\u{345}ſßẞ…“\u{AD}ＱÉ\u{1100}\u{1161}\u{11a8}가]){0,30}",
            cuts in prop::collection::vec(0usize..90, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            for normalization in ALL {
                let (mut stream, mut settled) = (TextStream::new(normalization), String::new());
                for piece in cuts.windows(2) {
                    let piece = &text.as_bytes()[piece[0]..piece[1]];
                    let mut peeked = settled.clone().into_bytes();
                    stream.peek(piece, &mut peeked);
                    stream.push(piece, &mut settled);
                    let mut after = settled.clone().into_bytes();
                    stream.peek(b"", &mut after);
                    prop_assert_eq!(peeked, after);
                }
                let mut whole = settled.into_bytes();
                prop_assert_eq!(stream.peek(b"", &mut whole), Added { broken: false, incomplete: 0 });
                // A letter after the text keeps the white space at its end.
                let expected = normalization.normalize(&format!("{text}x")).into_owned();
                prop_assert_eq!(String::from_utf8(whole).unwrap() + "x", expected);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_leave_only_what_follows() {
        let (mut stream, mut settled) = (TextStream::new(Normalization::Squash), String::new());
        stream.push(b"quick \xFFbrown\xE2\x80", &mut settled);
        assert_eq!(settled, "brown");
        let mut text = Vec::new();
        let added = stream.peek(b"", &mut text);
        assert_eq!((added.broken, added.incomplete), (false, 2));
        text.clear();
        let added = stream.peek(b" fox", &mut text);
        assert_eq!((added.broken, text.as_slice()), (true, &b" fox"[..]));
        stream.push(b"\x9Cfox", &mut settled);
        assert_eq!(settled, "brown\u{201C}fox");
    }
}
