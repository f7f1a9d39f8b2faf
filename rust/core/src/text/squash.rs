//! Text normalisation: what happens to white space before n-grams are taken.
//!
//! `squash` is the normalisation of the published QUIP filters. It is defined as three left-to-right passes of
//! replacements and a strip. Here, one pass copies text that is already normal in bulk and rewrites only the runs of
//! white space that are not. Squash is not idempotent, so a text is normalised exactly once.

use std::borrow::Cow;
use std::ops::Range;

/// The normalisation of corpus and query, applied before n-grams are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normalization {
    /// A run of line ends becomes one `\n`, any other run of white space one space. White space after `\n` and at
    /// both ends is removed.
    Squash,
    /// The text as it is.
    None,
}

impl Normalization {
    /// Changes when the output of a normalisation changes. An index records it.
    pub const VERSION: u32 = 1;

    /// The name in manifests and on the command line: `squash` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Squash => "squash",
            Self::None => "none",
        }
    }

    /// Returns the normalisation called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Squash, Self::None]
            .into_iter()
            .find(|normalization| normalization.name() == name)
    }

    /// Returns the normalised text, borrowed if only its ends change.
    pub fn normalize(self, text: &str) -> Cow<'_, str> {
        if self == Self::None {
            return Cow::Borrowed(text);
        }
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

    /// Returns the normalised text and a map from its characters to those of `text`.
    pub fn normalize_with_offsets(self, text: &str) -> (Cow<'_, str>, OffsetMap) {
        if self == Self::None {
            return (Cow::Borrowed(text), OffsetMap::shifted(0));
        }
        let unstarted = text.trim_start_matches(is_white_space);
        let leading = count_chars(&text.as_bytes()[..text.len() - unstarted.len()]);
        let text = unstarted.trim_end_matches(is_white_space);
        let mut map = OffsetMap::shifted(leading);
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
}

/// Maps characters of a normalised text to characters of the original text.
///
/// Characters that were removed from a run of white space belong to the kept character before them, or, if the run
/// starts with what became one space, to that space. A span therefore never cuts through a collapsed character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetMap {
    /// Pairs of (normalised character, original character where it starts), one wherever the difference of the two
    /// changes.
    anchors: Vec<(usize, usize)>,
}

impl OffsetMap {
    fn shifted(leading: usize) -> Self {
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
        let next = self.anchors.partition_point(|anchor| anchor.0 <= normal);
        let (anchor_normal, anchor_raw) = self.anchors[next - 1];
        anchor_raw + (normal - anchor_normal)
    }
}

/// White space as Python's `str.isspace` and `re`'s `\s` define it: Unicode's, and the four ASCII separators.
fn is_white_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

/// Returns the number of characters in UTF-8 text, which is the number of bytes that start one.
pub(crate) fn count_chars(text: &[u8]) -> usize {
    const LANES: usize = 32;
    let begins = |byte: u8| u8::from(byte as i8 >= -0x40);
    let mut count = 0;
    // A lane counts up to 255, the most a byte holds, so that the inner loop consists of vector instructions.
    for rows in text.chunks(LANES * usize::from(u8::MAX)) {
        let (rows, rest) = rows.as_chunks::<LANES>();
        let mut counts = [0u8; LANES];
        for row in rows {
            for (count, &byte) in counts.iter_mut().zip(row) {
                *count += begins(byte);
            }
        }
        let bytes = counts.into_iter().chain(rest.iter().copied().map(begins));
        count += bytes.map(usize::from).sum::<usize>();
    }
    count
}

/// Yields the characters that a run of white space keeps, each with the index, in characters of the run, where the
/// white space it replaces starts.
fn kept_characters(run: &str) -> impl Iterator<Item = (usize, char)> {
    let mut previous = None;
    run.chars().enumerate().filter_map(move |(index, c)| {
        let kept = if matches!(c, '\r' | '\n') { '\n' } else { ' ' };
        let continues = previous == Some(kept);
        let after_line_end = previous == Some('\n');
        previous = Some(kept);
        let dropped = continues || (kept == ' ' && after_line_end);
        (!dropped).then_some((index, kept))
    })
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
