//! Texts that stand in one document as a whole, so that a decoder can write nothing else.

use super::corpus::Structures;
use super::guiding::Guide;
use super::pattern::begins_char;
use super::response::Response;
use crate::error::{Error, Result};
use crate::memory::side_by_side::{alone, side_by_side};
use crate::suffix::array::SEPARATOR;
use crate::suffix::view::SuffixView;
use crate::text::chars::count_chars;
use crate::text::normalization::Normalization;

impl Guide {
    /// Tells for each piece whether the whole text of a response, followed by the piece, occurs in a document, and can
    /// be continued there until it has `least` characters, without any of the strings to `avoid` in these. A text of
    /// more than `max_chars` characters is not known as a whole, so the answer is no. So it is for a piece that adds
    /// nothing, and for one with white space after white space, of which the normalisation leaves nothing.
    pub fn continues(
        &self,
        response: &Response,
        pieces: &[&[u8]],
        least: usize,
        avoid: &[&str],
    ) -> Result<Vec<bool>> {
        let segments = self.full_segments()?;
        let without = text_so_far(response);
        let whole = |piece: &&[u8]| self.whole(response, piece, &without);
        let texts: Vec<Option<Vec<u8>>> = pieces.iter().map(whole).collect();
        let mut answers = vec![false; pieces.len()];
        for view in &segments {
            let searches = texts.iter().map(async |text| match text {
                Some(text) => goes_on(view, text, least, avoid).await,
                None => false,
            });
            for (answer, found) in answers.iter_mut().zip(side_by_side(searches)) {
                *answer |= found;
            }
        }
        self.corpus().check_whole()?;
        Ok(answers)
    }

    /// Returns the text after each occurrence of the whole text of a response, at most `max_bytes` bytes of it, each text
    /// once. None if there are more than `max_occurrences`.
    pub fn follow_ups(
        &self,
        response: &Response,
        max_occurrences: usize,
        max_bytes: usize,
    ) -> Result<Option<Vec<Vec<u8>>>> {
        let segments = self.full_segments()?;
        let text = text_so_far(response);
        let mut found = Vec::new();
        for view in &segments {
            let places = occurrences(view, alone(view.lower_bound(&text)), &text);
            found.extend(places.take(max_occurrences + 1 - found.len()));
            if found.len() > max_occurrences {
                return Ok(None);
            }
        }
        let mut follow_ups: Vec<Vec<u8>> = found
            .iter()
            .map(|found| {
                let after = found[text.len()..].iter().take(max_bytes);
                after
                    .take_while(|&&byte| byte != SEPARATOR)
                    .copied()
                    .collect()
            })
            .collect();
        follow_ups.sort_unstable();
        follow_ups.dedup();
        self.corpus().check_whole()?;
        Ok(Some(follow_ups))
    }

    fn full_segments(&self) -> Result<Vec<SuffixView<'_>>> {
        match self.corpus().structures()? {
            Structures::Full(segments) => Ok(segments),
            _ => Err(Error::Usage(
                "this index does not find short texts: build it with --structures bloom,suffix"
                    .into(),
            )),
        }
    }

    /// Returns the normalised text of a response and a piece, which is `without` if the piece is; None if there is none
    /// that can occur.
    fn whole(&self, response: &Response, piece: &[u8], without: &[u8]) -> Option<Vec<u8>> {
        let mut text = response.tail().as_bytes().to_vec();
        let added = response.peek(piece, &mut text);
        let adds = piece.is_empty() || text != without;
        let bytes = without.last().into_iter().chain(piece);
        let spaces: Vec<bool> = bytes.map(|byte| matches!(byte, b' ' | b'\n')).collect();
        let is_clean = self.corpus().normalization() == Normalization::None
            || !spaces.windows(2).any(|pair| pair == [true, true]);
        let chars = count_chars(&text[..text.len() - added.incomplete]);
        (!added.broken && adds && is_clean && chars <= self.max_chars()).then_some(text)
    }
}

/// Tells whether `text` occurs in a document with at least `least` characters from its start on, which have none of the
/// strings to `avoid`.
async fn goes_on(view: &SuffixView<'_>, text: &[u8], least: usize, avoid: &[&str]) -> bool {
    let first = view.lower_bound(text).await;
    // Few of many occurrences are so near to the end of a document.
    occurrences(view, first, text).any(|found| has_chars(found, least, avoid))
}

/// Yields the text of the segment from each occurrence of `text` on; `first` is the place of the first one.
fn occurrences<'a>(
    view: &SuffixView<'a>,
    first: usize,
    text: &[u8],
) -> impl Iterator<Item = &'a [u8]> {
    let whole = view.text();
    let positions = view.positions(first..view.len()).iter();
    positions.map_while(move |&position| {
        let found = whole.get(position as usize..)?;
        found.starts_with(text).then_some(found)
    })
}

/// Returns the text of a response as it is before a further character.
fn text_so_far(response: &Response) -> Vec<u8> {
    let mut text = response.tail().as_bytes().to_vec();
    response.peek(&[], &mut text);
    text
}

/// Tells whether a document goes on for `least` characters without any of the strings to `avoid`.
fn has_chars(text: &[u8], least: usize, avoid: &[&str]) -> bool {
    let mut starts = text
        .iter()
        .take_while(|&&byte| byte != SEPARATOR)
        .enumerate()
        .filter(|&(_, &byte)| begins_char(byte));
    let Some((last, _)) = starts.nth(least.saturating_sub(1)) else {
        return least == 0;
    };
    let chars = &text[..=last];
    !avoid.iter().any(|avoided| {
        // A character of several bytes at the end counts by its first one.
        let avoided = avoided.as_bytes();
        chars
            .windows(avoided.len().max(1))
            .any(|part| part == avoided)
    })
}
