//! `squash`: what happens to white space before n-grams are taken.
//!
//! It is the normalisation of the published QUIP filters, defined as three left-to-right passes of
//! replacements and a strip. Here, one pass copies text that is already normal in bulk and rewrites only the runs of
//! white space that are not. Squash is not idempotent, so a text is normalised exactly once.

use std::borrow::Cow;
use std::ops::Range;

use super::chars::count_chars;

/// Returns the squashed text, borrowed if only its ends change.
pub fn squash(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(is_white_space);
    let mut runs = irregular_runs(text).peekable();
    if runs.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut normal = String::with_capacity(text.len());
    let mut copied = 0;
    for run in runs {
        normal.push_str(&text[copied..run.start]);
        normal.extend(kept_characters(&text[run.clone()]).map(|(_, kept)| kept));
        copied = run.end;
    }
    normal.push_str(&text[copied..]);
    Cow::Owned(normal)
}

/// Returns the squashed text and a map from its characters to those of `text`.
pub fn squash_with_offsets(text: &str) -> (Cow<'_, str>, SquashMap) {
    let unstarted = text.trim_start_matches(is_white_space);
    let leading = count_chars(&text.as_bytes()[..text.len() - unstarted.len()]);
    let text = unstarted.trim_end_matches(is_white_space);
    let mut map = SquashMap::shifted(leading);
    let mut normal = String::new();
    let (mut copied, mut normal_chars, mut raw_chars) = (0, 0, leading);
    for run in irregular_runs(text) {
        let clean = &text[copied..run.start];
        normal.push_str(clean);
        normal_chars += count_chars(clean.as_bytes());
        raw_chars += count_chars(clean.as_bytes());
        let run_text = &text[run.clone()];
        for (index, kept) in kept_characters(run_text) {
            map.anchor(normal_chars, raw_chars + index);
            normal.push(kept);
            normal_chars += 1;
        }
        raw_chars += count_chars(run_text.as_bytes());
        map.anchor(normal_chars, raw_chars);
        copied = run.end;
    }
    if copied == 0 {
        return (Cow::Borrowed(text), map);
    }
    normal.push_str(&text[copied..]);
    (Cow::Owned(normal), map)
}

/// Maps characters of a squashed text to characters of the original text.
///
/// Characters that were removed from a run of white space belong to the kept character before them, or, if the run
/// starts with what became one space, to that space. A span therefore never cuts through a collapsed character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SquashMap {
    /// Pairs of (normalised character, original character where it starts), one wherever the difference of the two
    /// changes.
    anchors: Vec<(usize, usize)>,
}

impl SquashMap {
    /// Returns the map of a text that only lost `leading` characters at its start.
    pub fn shifted(leading: usize) -> Self {
        Self {
            anchors: vec![(0, leading)],
        }
    }

    fn anchor(&mut self, normal: usize, raw: usize) {
        let &(last_normal, last_raw) = self.anchors.last().expect("begins with one anchor");
        if normal == last_normal {
            *self.anchors.last_mut().expect("begins with one anchor") = (normal, raw);
        } else if raw - normal != last_raw - last_normal {
            self.anchors.push((normal, raw));
        }
    }

    /// Returns the span of the original text, in characters, that `start..end` of the normalised characters came
    /// from.
    pub fn raw_span(&self, start: usize, end: usize) -> (usize, usize) {
        (self.raw_start(start), self.raw_start(end))
    }

    fn raw_start(&self, normal: usize) -> usize {
        self.straight_from(normal).0
    }

    /// Returns where a squashed character starts in the original text, and how many characters from it on stand for one
    /// original character each.
    pub fn straight_from(&self, normal: usize) -> (usize, usize) {
        let next = self.anchors.partition_point(|anchor| anchor.0 <= normal);
        let (anchor_normal, anchor_raw) = self.anchors[next - 1];
        // The last character before an anchor stands for several, or the anchor would not be needed.
        let straight = self
            .anchors
            .get(next)
            .map_or(usize::MAX, |anchor| anchor.0 - 1 - normal);
        (anchor_raw + (normal - anchor_normal), straight)
    }
}

/// White space as Python's `str.isspace` and `re`'s `\s` define it: Unicode's, and the four ASCII separators.
pub(super) fn is_white_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

/// Yields the characters that a run of white space keeps, each with the index, in characters of the run, where the
/// white space it replaces starts.
fn kept_characters(run: &str) -> impl Iterator<Item = (usize, char)> {
    let mut kept = KeptWhiteSpace::default();
    run.chars()
        .enumerate()
        .filter_map(move |(index, c)| Some((index, kept.next(c)?)))
}

/// What squash keeps of a run of white space, one character after another. It depends on no later character.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeptWhiteSpace {
    previous: Option<char>,
}

impl KeptWhiteSpace {
    /// Returns what is kept of the next character of white space, if anything.
    pub fn next(&mut self, c: char) -> Option<char> {
        let kept = if matches!(c, '\r' | '\n') { '\n' } else { ' ' };
        let continues = self.previous == Some(kept);
        let after_line_end = self.previous == Some('\n');
        self.previous = Some(kept);
        let dropped = continues || (kept == ' ' && after_line_end);
        (!dropped).then_some(kept)
    }
}

/// Yields the maximal runs of white space in `text` that squash changes, in order. `text` neither starts nor ends
/// with white space.
fn irregular_runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let run = run_around(text, next_suspect(text.as_bytes(), from)?, from);
            from = run.end;
            let white_space = &text[run.clone()];
            let kept = kept_characters(white_space).map(|(_, kept)| kept);
            if !kept.eq(white_space.chars()) {
                return Some(run);
            }
        }
    })
}

/// Returns the run of white space at `suspect`. If there is none, the run is empty and ends after the character
/// there.
fn run_around(text: &str, suspect: usize, from: usize) -> Range<usize> {
    let rest = &text[suspect..];
    let white = rest.len() - rest.trim_start_matches(is_white_space).len();
    if white == 0 {
        let next = suspect + rest.chars().next().map_or(0, char::len_utf8);
        return next..next;
    }
    // Only a lone space or \n can precede a suspect: two white characters in a row are suspect themselves.
    let before = suspect > from && matches!(text.as_bytes()[suspect - 1], b' ' | b'\n');
    suspect - usize::from(before)..suspect + white
}

/// Returns the first position at or after `from` where the bytes may be part of a run of white space that squash
/// changes.
fn next_suspect(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 64;
    let mut at = from;
    while at + BLOCK < bytes.len() {
        let block: &[u8; BLOCK] = bytes[at..at + BLOCK].try_into().expect("BLOCK bytes");
        let shifted: &[u8; BLOCK] = bytes[at + 1..=at + BLOCK].try_into().expect("BLOCK bytes");
        // There is no early exit inside a block, so that the loop stays in vector instructions.
        let mut any = false;
        for i in 0..BLOCK {
            any |= is_suspect(block[i], shifted[i]);
        }
        if any {
            break;
        }
        at += BLOCK;
    }
    (at..bytes.len().saturating_sub(1)).find(|&i| is_suspect(bytes[i], bytes[i + 1]))
}

/// Whether white space that squash may change can start with these two bytes.
#[inline(always)]
fn is_suspect(first: u8, second: u8) -> bool {
    let two_white = (first <= b' ') & (second <= b' ');
    let control = (first < b' ') & (first != b'\n');
    let latin = (first == 0xC2) & ((second == 0x85) | (second == 0xA0));
    let ogham = (first == 0xE1) & (second == 0x9A);
    let punctuation = (first == 0xE2) & ((second == 0x80) | (second == 0x81));
    let ideographic = (first == 0xE3) & (second == 0x80);
    two_white | control | latin | ogham | punctuation | ideographic
}
