//! Where a response may end: its last match ends a document, or a sentence, of the corpus.

use super::corpus::Structures;
use super::guiding::{Candidate, Guide};
use super::response::Response;
use crate::error::Result;
use crate::suffix::array::SEPARATOR;
use crate::text::normalization::Normalization;

/// The longest matches at the end of a response that end something in the corpus, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// After the match, a document ends.
    pub document: usize,
    /// The match ends with the end of a sentence, and white space follows or the document ends.
    pub sentence: usize,
}

impl Guide {
    /// Returns where each response may end.
    ///
    /// White space at the end of a response does not count here, because no document ends with any. A response that ends
    /// within a character ends nothing, and a filter alone does not know what follows, so the answers are 0.
    pub fn ends(&self, responses: &[&Response]) -> Result<Vec<Ends>> {
        let mut ends = vec![Ends::default(); responses.len()];
        let structures = self.corpus().structures()?;
        if matches!(structures, Structures::Filter(_)) {
            return Ok(ends);
        }
        let trims = self.corpus().normalization() != Normalization::None;
        let (mut arena, mut candidates, mut is_document) = (Vec::new(), Vec::new(), Vec::new());
        for (row, response) in responses.iter().enumerate() {
            let Some(text) = response.text() else {
                continue;
            };
            let text = match trims {
                true => text.trim_end_matches([' ', '\n']),
                false => &text,
            };
            let follow = [&[SEPARATOR][..]]
                .into_iter()
                .chain(after_sentence(text).iter().copied());
            for (number, next) in follow.enumerate() {
                let start = arena.len();
                arena.extend_from_slice(text.as_bytes());
                arena.extend_from_slice(next);
                candidates.push(Candidate {
                    row,
                    bytes: start..arena.len(),
                    tail: 0,
                    incomplete: next.len(),
                });
                is_document.push(number == 0);
            }
        }
        let found = self.longest(&vec![""; responses.len()], &arena, &candidates)?;
        for ((one, chars), is_document) in candidates.iter().zip(found).zip(is_document) {
            let ends = &mut ends[one.row];
            match is_document {
                true => ends.document = chars,
                false => ends.sentence = ends.sentence.max(chars),
            }
        }
        self.corpus().check_whole()?;
        Ok(ends)
    }
}

/// Returns what may follow after a text in the corpus if a sentence ends with the text; nothing if none does.
fn after_sentence(text: &str) -> &'static [&'static [u8]] {
    let closed = |c: char| matches!(c, '"' | '\'' | ')' | ']' | '’' | '”' | '»' | '」' | '』');
    match text.trim_end_matches(closed).chars().next_back() {
        Some('.' | '!' | '?' | '…') => &[&[SEPARATOR], b" ", b"\n"],
        // No space follows in Chinese and Japanese.
        Some('。' | '！' | '？') => &[b""],
        _ => &[],
    }
}
