//! Quotes of a text: its maximal verbatim spans, with the documents that hold them.

use std::time::Duration;

use super::index::Index;
use super::locate;
use super::quip::Quip;
use super::rehearsal::rehearse;
use super::spans::{self, Span, WindowHits};
use crate::error::{Error, Result};
use crate::memory::side_by_side::{give_way, side_by_side};
use crate::store::segment::Segment;
use crate::text::normalization::OffsetMap;

/// More than a byte of a text takes if all pages are in memory. A trace takes 0.3 microseconds per byte.
const SLOW: Duration = Duration::from_micros(5);

/// A span of a text that is in some document, while with one more character on either side it is in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// First character, in the original text.
    pub start: usize,
    /// One past the last character, in the original text.
    pub end: usize,
    /// The quoted text as the documents have it, normalised.
    pub text: String,
    /// Occurrences in the corpus, including overlapping ones.
    pub count: u64,
    /// The first documents of the corpus that hold it.
    pub documents: Vec<QuoteSource>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteSource {
    pub source: String,
    pub id: String,
    /// A JSON object.
    pub metadata: String,
    /// Characters of the document's text, as `Index::document` gives it, before the first occurrence.
    pub offset: usize,
}

/// The QUIP of a text, and the spans that it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub quip: Quip,
    /// None without a suffix index.
    pub quotes: Option<Vec<Quote>>,
    /// Characters of the longest quote, normalised; None without a suffix index.
    pub longest_quote: Option<usize>,
    /// Runs of covered characters of the original text, disjoint and ascending.
    pub covered: Vec<(usize, usize)>,
}

impl Index {
    /// Returns the quotes of at least `min_chars` characters of each text, in order, each with its first
    /// `max_documents` documents. Texts take less time together than one after another.
    pub fn traces(
        &self,
        texts: &[&str],
        min_chars: usize,
        max_documents: usize,
    ) -> Result<Vec<Vec<Quote>>> {
        self.require_suffix("trace quotes")?;
        if min_chars == 0 {
            return Err(Error::Usage("min_chars is 0: choose 1 or more".to_owned()));
        }
        if self.anchors.is_some() && min_chars < self.n() {
            return Err(Error::Usage(format!(
                "min_chars is {min_chars}, but a lean index finds quotes of {n} characters or more: \
                 choose {n}, or build the index with --structures bloom,suffix",
                n = self.n()
            )));
        }
        let bytes = texts.iter().map(|text| text.len()).sum();
        self.pace.watch(bytes, SLOW, || {
            let texts = texts.iter();
            let traces = texts.map(|text| self.trace_one(text, min_chars, max_documents));
            side_by_side(traces).into_iter().collect()
        })
    }

    async fn trace_one(
        &self,
        text: &str,
        min_chars: usize,
        max_documents: usize,
    ) -> Result<Vec<Quote>> {
        let (text, offsets) = self.parameters.normalization.normalize_with_offsets(text);
        let hits = self.window_hits(&text);
        self.rehearse_spans(&text, &hits)?;
        let spans = self.maximal_spans(&text, &hits, min_chars).await?;
        self.quotes(&text, &offsets, &spans, max_documents).await
    }

    /// Returns QUIP, quotes and covered characters of each text. If there is a filter, it gives QUIP unless `exact`
    /// is set; quotes always come from the suffix index.
    pub fn reports(
        &self,
        texts: &[&str],
        max_documents: usize,
        exact: bool,
    ) -> Result<Vec<Report>> {
        if exact {
            self.require_suffix("score exactly")?;
        }
        let bytes = texts.iter().map(|text| text.len()).sum();
        self.pace.watch(bytes, SLOW, || {
            let texts = texts.iter();
            let reports = texts.map(|text| self.report_one(text, max_documents, exact));
            side_by_side(reports).into_iter().collect()
        })
    }

    async fn report_one(&self, text: &str, max_documents: usize, exact: bool) -> Result<Report> {
        let (text, offsets) = self.parameters.normalization.normalize_with_offsets(text);
        let hits = self.window_hits(&text);
        let filter_quip = Quip {
            numerator: hits.iter().filter(|&&hit| hit).count() as u64,
            denominator: hits.len() as u64,
        };
        if !self.has_suffix_index() {
            let n = self.n();
            let runs = spans::covered_runs(WindowHits { n, hits: &hits });
            return Ok(Report {
                quip: filter_quip,
                quotes: None,
                longest_quote: None,
                covered: covered(runs, &offsets),
            });
        }
        self.rehearse_spans(&text, &hits)?;
        let spans = self.maximal_spans(&text, &hits, self.n()).await?;
        let lengths = spans.iter().map(|span| span.end_char - span.start_char);
        Ok(Report {
            quip: match exact || self.filters.is_none() {
                true => self.exact_quip(&text, &spans),
                false => filter_quip,
            },
            longest_quote: Some(lengths.max().unwrap_or(0)),
            covered: covered(
                spans.iter().map(|span| (span.start_char, span.end_char)),
                &offsets,
            ),
            quotes: Some(self.quotes(&text, &offsets, &spans, max_documents).await?),
        })
    }

    /// Unless the index is known to be in memory, reads the pages that the search for the spans of a normalised text
    /// needs, as far as the filter tells where they start.
    fn rehearse_spans(&self, text: &str, hits: &[bool]) -> Result<()> {
        self.pace.of(text.len(), SLOW, |asks| {
            if !asks {
                return Ok(());
            }
            let starts = text.char_indices().map(|(byte, _)| byte);
            let starts: Vec<usize> = starts.chain([text.len()]).collect();
            let runs = spans::covered_runs(WindowHits { n: self.n(), hits });
            let runs = runs
                .iter()
                .map(|&(start, end)| &text[starts[start]..starts[end]]);
            let anchors = self.anchors.as_ref();
            rehearse(&self.text_indexes()?, anchors, &runs.collect::<Vec<_>>());
            Ok(())
        })
    }

    async fn quotes(
        &self,
        text: &str,
        offsets: &OffsetMap,
        spans: &[Span],
        max_documents: usize,
    ) -> Result<Vec<Quote>> {
        let mut quotes = Vec::with_capacity(spans.len());
        for span in spans {
            let quoted = &text[span.start_byte..span.end_byte];
            let (count, documents) = self.locate(quoted, max_documents).await?;
            let (start, end) = offsets.raw_span(span.start_char, span.end_char);
            quotes.push(Quote {
                start,
                end,
                text: quoted.to_owned(),
                count,
                documents,
            });
        }
        Ok(quotes)
    }

    /// Returns the occurrences of `pattern`, and the first documents in the order of the corpus.
    pub(super) async fn locate(
        &self,
        pattern: &str,
        max_documents: usize,
    ) -> Result<(u64, Vec<QuoteSource>)> {
        let anchor = self
            .anchors
            .as_ref()
            .and_then(|anchors| anchors.first(pattern));
        let mut count = 0;
        let mut sources = Vec::new();
        for segment in &self.segments {
            let index = segment.index()?;
            let positions = index.positions(pattern.as_bytes(), anchor).await;
            count += positions.len() as u64;
            let wanted = (max_documents - sources.len()).min(segment.documents().len());
            let starts = segment.documents().starts();
            let found = locate::lowest_documents(&positions, starts, wanted);
            quote_sources(segment, &found, &mut sources).await?;
        }
        Ok((count, sources))
    }
}

/// Appends the documents of a segment that contain a quote, at positions of its text.
async fn quote_sources(
    segment: &Segment,
    found: &[(usize, u64)],
    sources: &mut Vec<QuoteSource>,
) -> Result<()> {
    let documents = segment.documents();
    if found.is_empty() {
        return Ok(());
    }
    for &(document, position) in found {
        documents.prefetch_places(segment.text(), document, position);
    }
    give_way().await;
    for &(document, _) in found {
        documents.prefetch_record(document);
    }
    give_way().await;
    for &(document, position) in found {
        let record = documents.record(document)?;
        let start = documents
            .char_offset(segment.text(), document, position)
            .ok_or_else(|| {
                Error::damaged(documents.path(), "an occurrence outside its document")
            })?;
        let (offset, _) = segment.original_span(document, record.edits, start, start + 1)?;
        sources.push(QuoteSource {
            source: record.source.to_owned(),
            id: record.id.to_owned(),
            metadata: record.metadata.to_owned(),
            offset,
        });
    }
    Ok(())
}

/// Turns runs of normalised characters into disjoint runs of the original text.
fn covered(
    runs: impl IntoIterator<Item = (usize, usize)>,
    offsets: &OffsetMap,
) -> Vec<(usize, usize)> {
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (start, end) in runs {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let raw = merged.iter();
    let mut raw: Vec<_> = raw
        .map(|&(start, end)| offsets.raw_span(start, end))
        .collect();
    // Runs that a folded character kept apart can both have been widened to what that came from.
    raw.sort_unstable();
    raw.dedup_by(|next, last| {
        let meet = next.0 <= last.1;
        if meet {
            last.1 = last.1.max(next.1);
        }
        meet
    });
    raw
}
