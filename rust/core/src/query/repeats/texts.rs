//! The longest texts that repeat.

use std::collections::HashSet;

use super::ranges::{RepeatedRange, Repeats};
use crate::error::Result;
use crate::memory::side_by_side::alone;
use crate::query::index::Index;
use crate::query::trace::QuoteSource;

/// A text that occurs often enough, while with one more character on either side, as in the document where it was
/// found, it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedText {
    /// The text as the documents have it, normalised.
    pub text: String,
    pub chars: usize,
    /// Occurrences in the corpus, including overlapping ones.
    pub count: u64,
    /// The first documents of the corpus that contain it.
    pub documents: Vec<QuoteSource>,
}

impl Repeats {
    /// Returns the longest of the given ranges' texts that occur often enough, at most `most` different ones, the
    /// longest first; of equal length, in the order of the text.
    ///
    /// `ranges` are all or some of `self.ranges`. No text is longer than the range that it is in, so the longest ranges
    /// are looked at first, until no other can have a text that is long enough. `check` is called before each, and its
    /// error ends the work.
    pub fn longest(
        &self,
        index: &Index,
        ranges: &mut [RepeatedRange],
        most: usize,
        max_documents: usize,
        check: impl Fn() -> Result<()>,
    ) -> Result<Vec<RepeatedText>> {
        ranges.sort_by_key(|range| std::cmp::Reverse(range.end - range.start));
        let mut seen: HashSet<&str> = HashSet::new();
        let mut found: Vec<(usize, &str)> = Vec::new();
        for range in ranges.iter() {
            if found.len() == most
                && found
                    .last()
                    .is_none_or(|last| range.end - range.start < last.0)
            {
                break;
            }
            check()?;
            let before = found.len();
            for (chars, text) in self.texts_of(index, range)? {
                if seen.insert(text) {
                    found.push((chars, text));
                }
            }
            if found.len() == before {
                continue;
            }
            found.sort_unstable_by_key(|&(chars, text)| (std::cmp::Reverse(chars), text));
            found.truncate(most);
        }
        let described = found.into_iter().map(|(chars, text)| {
            let (count, documents) = alone(index.locate(text, max_documents))?;
            Ok(RepeatedText {
                text: text.to_owned(),
                chars,
                count,
                documents,
            })
        });
        described.collect()
    }

    /// Returns the maximal texts of a range that occur often enough, each with its characters.
    fn texts_of<'a>(
        &self,
        index: &'a Index,
        range: &RepeatedRange,
    ) -> Result<Vec<(usize, &'a str)>> {
        let text = index.segments[range.segment].document_text(range.document)?;
        let places = text.char_indices().map(|(byte, _)| byte);
        let mut bytes: Vec<usize> = places
            .skip(range.start)
            .take(range.end - range.start)
            .collect();
        let first = index.segments[range.segment]
            .documents()
            .text_range(range.document);
        bytes.push(range.bytes.1 - first.map_or(0, |first| first.start));
        let often = |start: usize, end: usize| -> Result<bool> {
            let count = index.normalized_count(&text[bytes[start]..bytes[end]])?;
            Ok(count >= self.times as u64)
        };
        let chars = bytes.len() - 1;
        let mut found = Vec::new();
        let mut end = 0;
        for start in 0..=chars.saturating_sub(self.chars) {
            let least = end.max(start + self.chars);
            // A text that ends where the last one ended is a part of it.
            let longer = least + usize::from(least == end);
            if longer > chars || !often(start, longer)? {
                continue;
            }
            // Gallop to an end that is too far, then bisect.
            let (mut low, mut step) = (longer, 1);
            while low + step <= chars && often(start, low + step)? {
                low += step;
                step *= 2;
            }
            let mut high = (low + step).min(chars + 1);
            while low + 1 < high {
                let middle = low + (high - low) / 2;
                match often(start, middle)? {
                    true => low = middle,
                    false => high = middle,
                }
            }
            end = low;
            found.push((end - start, &text[bytes[start]..bytes[end]]));
            if end == chars {
                break;
            }
        }
        Ok(found)
    }
}
