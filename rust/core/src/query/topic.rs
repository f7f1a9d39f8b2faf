//! On-topic QUIP, for which only the n-grams of given documents count.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use xxhash_rust::xxh3::Xxh3Default;

use super::index::Index;
use super::quip::Quip;
use crate::error::Result;

/// The n-grams of a few documents, as the stored text has them.
pub struct Topic<'a> {
    ngrams: HashSet<&'a str, BuildHasherDefault<Xxh3Default>>,
}

impl Index {
    /// Returns the n-grams of the documents with these (source, id).
    pub fn topic<'a>(
        &'a self,
        documents: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Topic<'a>> {
        let mut ngrams = HashSet::default();
        for (source, id) in documents {
            ngrams.extend(windows(self.document(source, id)?.text, self.n()));
        }
        Ok(Topic { ngrams })
    }

    /// Returns the exact QUIP of a text against the n-grams of `topic` alone.
    pub fn topic_quip(&self, text: &str, topic: &Topic) -> Quip {
        let text = self.parameters.normalization.normalize(text);
        let mut quip = Quip::default();
        for window in windows(&text, self.n()) {
            quip.numerator += u64::from(topic.ngrams.contains(window));
            quip.denominator += 1;
        }
        quip
    }
}

/// Yields every slice of `n` characters.
fn windows(text: &str, n: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(start, _)| start);
    let ends = text.char_indices().map(|(start, _)| start);
    let ends = ends.chain(std::iter::once(text.len())).skip(n);
    starts.zip(ends).map(|(start, end)| &text[start..end])
}
