//! A response so far: the last characters of its text, and where its normalisation is.

use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};
use crate::text::chars::count_chars;
use crate::text::normalization::Normalization;
use crate::text::stream::{Added, TextStream};

/// The part of a response that matters for what follows.
#[derive(Clone, Debug)]
pub struct Response {
    stream: TextStream,
    /// The last characters that are settled: `most` of them, and the white space after them.
    tail: String,
    most: usize,
}

impl Response {
    /// Starts a response of whose text at most `most` characters matter.
    pub(super) fn new(normalization: Normalization, most: usize) -> Self {
        Self {
            stream: TextStream::new(normalization),
            tail: String::new(),
            most,
        }
    }

    /// Takes the next tokens. The response is unchanged if one of them is not in the vocabulary.
    pub fn advance(&mut self, vocabulary: &Vocabulary, tokens: &[i64]) -> Result<()> {
        let bytes = tokens.iter().map(|&token| {
            vocabulary.token(token).ok_or_else(|| {
                let last = vocabulary.len().saturating_sub(1);
                Error::Usage(format!(
                    "token {token} is not in the vocabulary: give ids from 0 to {last}"
                ))
            })
        });
        let bytes: Vec<u8> = bytes.collect::<Result<Vec<_>>>()?.concat();
        self.push(&bytes);
        Ok(())
    }

    /// Takes the next bytes of the text.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.push(bytes, &mut self.tail);
        // Where the response may end, white space at its end does not count.
        let text = self.tail.trim_end_matches([' ', '\n']);
        let mut starts = text.char_indices().rev().map(|(start, _)| start);
        if let Some(start) = starts.nth(self.most - 1) {
            self.tail.drain(..start);
        }
    }

    /// Returns the number of characters that are known of the text, with white space at its end and without. The first
    /// bytes of a character do not count.
    pub fn chars(&self) -> (usize, usize) {
        let mut text = self.tail.clone().into_bytes();
        let added = self.stream.peek(b"", &mut text);
        let text = &text[..text.len() - added.incomplete];
        let space = text
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b' ' | b'\n'));
        let all = count_chars(text);
        (all, all - space.count())
    }

    pub(super) fn tail(&self) -> &str {
        &self.tail
    }

    /// Returns the last characters of the text as if it ended here, or None within a character.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = self.tail.clone().into_bytes();
        let added = self.stream.peek(b"", &mut text);
        (added.incomplete == 0).then(|| String::from_utf8(text).unwrap_or_default())
    }

    /// Appends what `piece` adds to the tail.
    pub(super) fn peek(&self, piece: &[u8], text: &mut Vec<u8>) -> Added {
        self.stream.peek(piece, text)
    }
}
