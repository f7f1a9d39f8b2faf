//! Counts how often texts occur in the documents.

use super::index::Index;
use super::locate;
use crate::error::Result;

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
        let found = locate::occurrences(&self.text_indexes()?, self.anchors.as_ref(), &patterns);
        let mut counts = vec![0; texts.len()];
        for (place, found) in places.into_iter().zip(found) {
            counts[place] = found as u64;
        }
        Ok(counts)
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
