//! The original text of a document, kept as the edits that turn its normalised text back into it.
//!
//! An edit copies a number of normalised characters, skips a number of them and inserts original text in their place.
//! Edits are as small as both texts can be cut, so that a place in one text is a place in the other. A document that
//! normalisation does not change has no edits.
//!
//! An edit is stored as two numbers and the inserted text. The first number is the characters to copy. The second is the
//! bytes to insert, times 4, plus the characters to skip. If they are 3 or more, 3 is added, and a third number has the
//! rest. Numbers are in LEB128.

use std::str::Chars;

use crate::text::chars::count_chars;
use crate::text::normalization::{Normalization, OffsetMap};

/// From this number on, the characters to skip need a number of their own.
const FEW: usize = 3;

/// Returns the normalised text, and the edits that turn it back into `text`.
pub fn normalize_reversibly(normalization: Normalization, text: String) -> (String, Vec<u8>) {
    let (normal, map) = normalization.normalize_with_offsets(&text);
    if normal == text {
        return (text, Vec::new());
    }
    let edits = edits(&text, &normal, &map);
    (normal.into_owned(), edits)
}

fn edits(text: &str, normal: &str, map: &OffsetMap) -> Vec<u8> {
    let mut writer = Writer::default();
    let (mut given, mut normal_rest) = (Walk::new(text), normal);
    for piece in map.pieces(count_chars(normal.as_bytes())) {
        writer.replace(0, given.take_to(piece.raw.0));
        let normal_piece = cut(&mut normal_rest, piece.chars);
        let given_piece = given.take_to(piece.raw.1);
        if piece.is_straight {
            writer.compare(normal_piece, given_piece);
        } else if normal_piece == given_piece {
            writer.copied += piece.chars;
        } else {
            writer.replace(piece.chars, given_piece);
        }
    }
    writer.replace(0, given.rest);
    writer.edits
}

/// The rest of a text, and the number of characters before it.
struct Walk<'t> {
    rest: &'t str,
    taken: usize,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            taken: 0,
        }
    }

    fn take_to(&mut self, place: usize) -> &'t str {
        let taken = cut(&mut self.rest, place - self.taken);
        self.taken = place;
        taken
    }
}

/// Takes characters off the front of a text, or all if it has fewer.
fn cut<'t>(text: &mut &'t str, chars: usize) -> &'t str {
    let end = text.char_indices().nth(chars);
    let (taken, rest) = text.split_at(end.map_or(text.len(), |(byte, _)| byte));
    *text = rest;
    taken
}

#[derive(Default)]
struct Writer {
    edits: Vec<u8>,
    /// Characters to copy since the last edit.
    copied: usize,
}

impl Writer {
    fn replace(&mut self, chars: usize, given: &str) {
        if chars == 0 && given.is_empty() {
            return;
        }
        self.number(self.copied);
        self.copied = 0;
        self.number(given.len() << 2 | chars.min(FEW));
        if chars >= FEW {
            self.number(chars - FEW);
        }
        self.edits.extend_from_slice(given.as_bytes());
    }

    /// Replaces the characters that differ in two texts of the same length.
    fn compare(&mut self, normal: &str, given: &str) {
        for (own, given) in normal.chars().zip(given.chars()) {
            match own == given {
                true => self.copied += 1,
                false => self.replace(1, given.encode_utf8(&mut [0; 4])),
            }
        }
    }

    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.edits.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.edits.push(number as u8);
    }
}

struct Edit<'e> {
    copied: usize,
    skipped: usize,
    given: &'e str,
}

/// A reader of edits. The bytes may be damaged.
struct Edits<'e> {
    bytes: &'e [u8],
}

impl<'e> Edits<'e> {
    fn next(&mut self) -> Option<Edit<'e>> {
        let copied = self.number()?;
        let number = self.number()?;
        let skipped = match number & FEW {
            FEW => self.number()?.checked_add(FEW)?,
            few => few,
        };
        let (given, rest) = self.bytes.split_at_checked(number >> 2)?;
        self.bytes = rest;
        let given = str::from_utf8(given).ok()?;
        Some(Edit {
            copied,
            skipped,
            given,
        })
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            let part = usize::from(byte & 0x7F);
            if part << shift >> shift != part {
                return None;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

/// Returns the original text, or None if the edits are damaged.
pub fn original(normal: &str, edits: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(normal.len() + edits.len());
    let mut edits = Edits { bytes: edits };
    let mut rest = normal.chars();
    while !edits.bytes.is_empty() {
        let edit = edits.next()?;
        text.push_str(skip(&mut rest, edit.copied)?);
        skip(&mut rest, edit.skipped)?;
        text.push_str(edit.given);
    }
    text.push_str(rest.as_str());
    Some(text)
}

/// Takes the next characters, if there are so many.
fn skip<'t>(rest: &mut Chars<'t>, chars: usize) -> Option<&'t str> {
    let before = rest.as_str();
    if let Some(last) = chars.checked_sub(1) {
        rest.nth(last)?;
    }
    Some(&before[..before.len() - rest.as_str().len()])
}

/// Returns the span of the original text, in characters, that contains everything that the normalised characters
/// `start..end` come from. It is widened to whole edits. None if the edits are damaged.
pub fn original_span(edits: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let mut edits = Edits { bytes: edits };
    let (mut normal, mut given) = (0_usize, 0_usize);
    let mut first = None;
    while !edits.bytes.is_empty() {
        let edit = edits.next()?;
        let (from, given_from) = (
            normal.checked_add(edit.copied)?,
            given.checked_add(edit.copied)?,
        );
        let to = from.checked_add(edit.skipped)?;
        let given_to = given_from.checked_add(count_chars(edit.given.as_bytes()))?;
        if first.is_none() && start < to {
            first = Some(match start < from {
                true => given + (start - normal),
                false => given_from,
            });
        }
        if let Some(first) = first.filter(|_| end <= to) {
            let last = match end <= from {
                true => given + (end - normal),
                false => given_to,
            };
            return Some((first, last));
        }
        (normal, given) = (to, given_to);
    }
    let moved = |place: usize| given.checked_add(place.checked_sub(normal)?);
    let first = match first {
        Some(first) => first,
        None => moved(start)?,
    };
    Some((first, moved(end)?))
}
