//! Maximal verbatim spans of a query (signatures; bodies follow).
#![allow(unused_variables)]

use crate::suffix::SuffixView;
use std::ops::Range;

/// A span of a (normalised) query, in bytes and in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start_byte: usize,
    pub end_byte: usize,
    pub start_char: usize,
    pub end_char: usize,
}

/// Which windows of `n` characters of a query may occur (no false negatives): what the Bloom filters say.
#[derive(Clone, Copy, Debug)]
pub struct WindowHits<'a> {
    pub n: usize,
    pub hits: &'a [bool],
}

/// All maximal spans of at least `min_chars` characters, over all segments together, in order.
pub fn maximal_spans(
    query: &str,
    segments: &[SuffixView],
    prefilter: Option<WindowHits>,
    min_chars: usize,
) -> Vec<Span> {
    unimplemented!()
}
/// Exact QUIP numerator: windows of `n` characters inside some span of `maximal_spans(.., min_chars = n)`.
pub fn quoted_windows(spans: &[Span], n: usize) -> usize {
    unimplemented!()
}
/// Maximal runs of consecutive hit windows, as `[first, last + n)` in characters.
pub fn covered_runs(window_hits: WindowHits) -> Vec<(usize, usize)> {
    unimplemented!()
}
/// Occurrences of `pattern` in all segments, overlapping ones counted.
pub fn occurrences(segments: &[SuffixView], pattern: &str) -> usize {
    unimplemented!()
}
/// The `k` lowest-numbered documents of an interval, ascending, each with the byte position in the segment's text of
/// its first occurrence. `doc_starts[d]` = where document d starts in the text.
pub fn lowest_documents(
    segment: &SuffixView,
    interval: Range<usize>,
    doc_starts: &[u64],
    k: usize,
) -> Vec<(usize, u64)> {
    unimplemented!()
}
