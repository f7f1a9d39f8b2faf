//! Counts how often texts occur in the documents.

use std::time::Duration;

use super::index::Index;
use super::locate;
use super::rehearsal::rehearse;
use crate::error::Result;
use crate::memory::side_by_side::side_by_side;
use crate::text::chars::{first_char, last_char};

/// More than a search of a segment takes if all pages are in memory. It takes 2 microseconds, and several times as long
/// the first time that a process uses these pages.
const SLOW: Duration = Duration::from_micros(40);

impl Index {
    /// Returns the occurrences of each of `texts`, which are normalised first, in all documents. Overlapping
    /// occurrences count, and an empty text has none.
    pub fn counts(&self, texts: &[&str]) -> Result<Vec<u64>> {
        self.require_suffix("count occurrences")?;
        let normalization = self.parameters.normalization;
        let texts: Vec<_> = texts
            .iter()
            .map(|text| normalization.normalize(text))
            .collect();
        let patterns = texts
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.is_empty());
        let (places, patterns): (Vec<usize>, Vec<&str>) =
            patterns.map(|(place, text)| (place, text.as_ref())).unzip();
        let segments = self.text_indexes()?;
        let found = self.pace.of(patterns.len() * segments.len(), SLOW, |asks| {
            if asks {
                rehearse(&segments, self.anchors.as_ref(), &patterns);
            }
            locate::occurrences(&segments, self.anchors.as_ref(), &patterns)
        });
        let mut counts = vec![0; texts.len()];
        for (place, found) in places.into_iter().zip(found) {
            counts[place] = found as u64;
        }
        Ok(counts)
    }

    /// Returns the occurrences of each of `texts`, as `counts` does, that are whole words: no letter or digit of a text
    /// joins on one beside it.
    pub fn word_counts(&self, texts: &[&str]) -> Result<Vec<u64>> {
        self.require_suffix("count occurrences")?;
        let normalization = self.parameters.normalization;
        let segments = self.text_indexes()?;
        let count = async |text: &&str| {
            let text = normalization.normalize(text);
            let anchor = self
                .anchors
                .as_ref()
                .and_then(|anchors| anchors.first(&text));
            let mut count = 0;
            for segment in segments.iter().filter(|_| !text.is_empty()) {
                let positions = segment.positions(text.as_bytes(), anchor).await;
                let is_word = |&&position: &&u32| is_word(segment.text(), position as usize, &text);
                count += positions.iter().filter(is_word).count() as u64;
            }
            count
        };
        Ok(side_by_side(texts.iter().map(count)))
    }

    /// Returns the occurrences of a text that is normalised already.
    pub(super) fn normalized_count(&self, text: &str) -> Result<u64> {
        let found = locate::occurrences(&self.text_indexes()?, self.anchors.as_ref(), &[text]);
        Ok(found[0] as u64)
    }

    /// Returns the occurrences of one text, as `counts` does.
    pub fn count(&self, text: &str) -> Result<u64> {
        Ok(self.counts(&[text])?[0])
    }

    /// Whether `text`, which is normalised first, is in some document.
    ///
    /// Without a suffix index, the answer is whether the filter holds all of its n-grams, which is necessary but not
    /// sufficient.
    pub fn contains(&self, text: &str) -> Result<bool> {
        if self.has_suffix_index() {
            return Ok(self.count(text)? > 0);
        }
        let quip = self.quip(text, false)?;
        match quip.denominator {
            0 => self.missing_suffix("look up a text shorter than n"),
            ngrams => Ok(quip.numerator == ngrams),
        }
    }
}

/// Tells whether `word`, which is at `start` in `text`, joins on no letter or digit.
fn is_word(text: &[u8], start: usize, word: &str) -> bool {
    let joins = |left: Option<char>, right: Option<char>| {
        let is_part = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
        is_part(left) && is_part(right)
    };
    let (before, rest) = text.split_at(start.min(text.len()));
    let after = rest.get(word.len()..).unwrap_or_default();
    !joins(last_char(before), word.chars().next())
        && !joins(word.chars().next_back(), first_char(after))
}
