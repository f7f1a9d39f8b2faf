//! Quotes of a text: its maximal verbatim spans, with the documents they stand in.

use super::{Index, Quip};
use crate::error::{Error, Result};
use crate::locate;
use crate::segment::Segment;
use crate::spans::{self, Span, WindowHits};
use crate::squash::{self, OffsetMap};

/// A span of a text that stands in some document, while one more character on either side stands
/// in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// First character in the text as given.
    pub start: usize,
    /// One past the last character in the text as given.
    pub end: usize,
    /// The quoted text as it stands in the documents, normalised.
    pub text: String,
    /// Occurrences in the corpus, overlapping ones counted.
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
    /// Characters of the document's text before the first occurrence.
    pub offset: usize,
}

/// QUIP of a text and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub quip: Quip,
    /// None without a suffix index.
    pub quotes: Option<Vec<Quote>>,
    /// Characters of the longest quote, as normalised; none without a suffix index.
    pub longest_quote: Option<usize>,
    /// Runs of covered characters of the text as given, disjoint and ascending.
    pub covered: Vec<(usize, usize)>,
}

impl Index {
    /// The quotes of at least `min_chars` characters, in order, each with its first
    /// `max_documents` documents.
    pub fn trace(&self, text: &str, min_chars: usize, max_documents: usize) -> Result<Vec<Quote>> {
        self.require_suffix("trace quotes")?;
        if min_chars == 0 {
            return Err(Error::Usage("min_chars is 0; choose 1 or more".to_owned()));
        }
        if self.anchors.is_some() && min_chars < self.n() {
            return Err(Error::Usage(format!(
                "min_chars is {min_chars}, but a lean index finds quotes of {n} characters or more; \
                 choose {n}, or build the index with --structures bloom,suffix",
                n = self.n()
            )));
        }
        let (text, offsets) = self.parameters.normalization.normalize_with_offsets(text);
        let hits = self.window_hits(&text);
        let spans = self.maximal_spans(&text, &hits, min_chars);
        self.quotes(&text, &offsets, &spans, max_documents)
    }

    /// QUIP, quotes and covered characters of a text. The filter, where there is one, gives QUIP
    /// unless `exact` is asked for; quotes always come from the suffix index.
    pub fn report(&self, text: &str, max_documents: usize, exact: bool) -> Result<Report> {
        if exact {
            self.require_suffix("score exactly")?;
        }
        let (text, offsets) = self.parameters.normalization.normalize_with_offsets(text);
        let hits = self.window_hits(&text);
        let filter_quip = Quip {
            numerator: hits.iter().filter(|&&hit| hit).count() as u64,
            denominator: hits.len() as u64,
        };
        if self.suffixes.is_none() {
            let n = self.n();
            let runs = spans::covered_runs(WindowHits { n, hits: &hits });
            return Ok(Report {
                quip: filter_quip,
                quotes: None,
                longest_quote: None,
                covered: covered(runs, &offsets),
            });
        }
        let spans = self.maximal_spans(&text, &hits, self.n());
        let lengths = spans.iter().map(|span| span.end_char - span.start_char);
        Ok(Report {
            quip: match exact || !self.has_filter() {
                true => self.exact_quip(&text, &spans),
                false => filter_quip,
            },
            longest_quote: Some(lengths.max().unwrap_or(0)),
            covered: covered(
                spans.iter().map(|span| (span.start_char, span.end_char)),
                &offsets,
            ),
            quotes: Some(self.quotes(&text, &offsets, &spans, max_documents)?),
        })
    }

    fn quotes(
        &self,
        text: &str,
        offsets: &OffsetMap,
        spans: &[Span],
        max_documents: usize,
    ) -> Result<Vec<Quote>> {
        let quote = |span: &Span| {
            let quoted = &text[span.start_byte..span.end_byte];
            let (count, documents) = self.locate(quoted, max_documents)?;
            let (start, end) = offsets.raw_span(span.start_char, span.end_char);
            Ok(Quote {
                start,
                end,
                text: quoted.to_owned(),
                count,
                documents,
            })
        };
        spans.iter().map(quote).collect()
    }

    /// Occurrences of `pattern`, and the first documents in the order of the corpus.
    fn locate(&self, pattern: &str, max_documents: usize) -> Result<(u64, Vec<QuoteSource>)> {
        let anchor = self
            .anchors
            .as_ref()
            .and_then(|anchors| anchors.first(pattern));
        let mut count = 0;
        let mut sources = Vec::new();
        for segment in &self.segments {
            let positions = segment.index().positions(pattern.as_bytes(), anchor);
            count += positions.len() as u64;
            let wanted = (max_documents - sources.len()).min(segment.documents().len());
            let starts = segment.documents().starts();
            for (document, position) in locate::lowest_documents(&positions, starts, wanted) {
                sources.push(quote_source(segment, document, position)?);
            }
        }
        Ok((count, sources))
    }
}

fn quote_source(segment: &Segment, document: usize, position: u64) -> Result<QuoteSource> {
    let documents = segment.documents();
    let record = documents.record(document)?;
    let before = documents
        .starts()
        .get(document)
        .and_then(|&start| segment.text().get(start as usize..position as usize))
        .ok_or_else(|| Error::damaged(documents.path(), "an occurrence outside its document"))?;
    Ok(QuoteSource {
        source: record.source.to_owned(),
        id: record.id.to_owned(),
        metadata: record.metadata.to_owned(),
        // The document may be long, and cold: of what is in front, only the first bytes of characters are counted.
        offset: squash::count_chars(before),
    })
}

/// Runs of normalised characters as disjoint runs of the text as given.
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
    let raw = merged.into_iter();
    raw.map(|(start, end)| offsets.raw_span(start, end))
        .collect()
}
