//! QUIP: the share of a text's n-grams that are in the corpus (Weller et al. 2024, section 3).

use std::borrow::Cow;

use super::index::Index;
use super::spans::{self, Span, WindowHits};
use crate::error::Result;
use crate::memory::side_by_side::alone;
use crate::text::ngram::windows_of;

/// The number of a text's n-grams that are in the corpus, and of all its n-grams, duplicates included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quip {
    pub numerator: u64,
    pub denominator: u64,
}

impl Quip {
    /// Returns the score, or None for a text of fewer than n characters.
    pub fn score(self) -> Option<f64> {
        (self.denominator > 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}

impl Index {
    /// Returns the QUIP of a text. The filter answers if there is one, unless `exact` is set.
    pub fn quip(&self, text: &str, exact: bool) -> Result<Quip> {
        let text = self.parameters.normalization.normalize(text);
        if exact || self.filters.is_none() {
            self.require_suffix("score exactly")?;
            let hits = self.window_hits(&text);
            let spans = alone(self.maximal_spans(&text, &hits, self.n()))?;
            return Ok(self.exact_quip(&text, &spans));
        }
        Ok(self.filter_quip(&text))
    }

    /// Returns the normalised text, and for each of its windows whether it is in the corpus. The filter answers if
    /// there is one, unless `exact` is set.
    pub fn windows<'t>(&self, text: &'t str, exact: bool) -> Result<(Cow<'t, str>, Vec<bool>)> {
        let text = self.parameters.normalization.normalize(text);
        let hits = self.window_hits(&text);
        if !exact && !self.filters.is_none() {
            return Ok((text, hits));
        }
        self.require_suffix("score exactly")?;
        let spans = alone(self.maximal_spans(&text, &hits, self.n()))?;
        let quip = self.exact_quip(&text, &spans);
        let mut hits = vec![false; quip.denominator as usize];
        for span in &spans {
            hits[span.start_char..=span.end_char - self.n()].fill(true);
        }
        Ok((text, hits))
    }

    pub(super) fn exact_quip(&self, text: &str, spans: &[Span]) -> Quip {
        Quip {
            numerator: spans::quoted_windows(spans, self.n()) as u64,
            denominator: windows_of(text.chars().count(), self.n()) as u64,
        }
    }

    fn filter_quip(&self, text: &str) -> Quip {
        let mut quip = Quip::default();
        let add = |hits: &[bool]| {
            quip.numerator += hits.iter().filter(|&&hit| hit).count() as u64;
            quip.denominator += hits.len() as u64;
        };
        self.filters.for_each_chunk(&self.hasher, text, add);
        quip
    }

    /// Tells whether a normalised text has an n-gram of the corpus. The filter answers if there is one.
    pub(crate) fn has_ngram_of(&self, text: &str) -> Result<bool> {
        let hits = self.window_hits(text);
        if !self.filters.is_none() {
            return Ok(hits.contains(&true));
        }
        let spans = alone(self.maximal_spans(text, &hits, self.n()))?;
        Ok(!spans.is_empty())
    }

    /// Returns, for each window of a normalised text, whether a filter holds it. The result is empty without a
    /// filter.
    pub(crate) fn window_hits(&self, text: &str) -> Vec<bool> {
        self.filters.hits(&self.hasher, text)
    }

    /// Returns the maximal spans of a normalised text; `hits` is the result of `window_hits`.
    pub(super) async fn maximal_spans(
        &self,
        text: &str,
        hits: &[bool],
        min_chars: usize,
    ) -> Result<Vec<Span>> {
        let prefilter = (!self.filters.is_none()).then_some(WindowHits { n: self.n(), hits });
        let anchors = self.anchors.as_ref();
        let segments = self.text_indexes()?;
        Ok(spans::maximal_spans(text, &segments, anchors, prefilter, min_chars).await)
    }
}
