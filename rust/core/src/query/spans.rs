//! Maximal verbatim spans: the parts of a query that are in the corpus, character for character.
//!
//! A span occurs in some document, and with one more character on either side it occurs in none. Let e(i) be the end
//! of the longest match that starts at character i. It never decreases with i, so the spans are [i, e(i)) wherever
//! e(i) > e(i-1). Only a window that may occur can start a span, so most positions need only the prefilter's answer
//! and no search.

use crate::suffix::text_index::TextIndex;
use crate::text::anchors::Anchors;
use crate::text::ngram::windows_of;

/// A span of a normalised query, in bytes and in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start_byte: usize,
    pub end_byte: usize,
    pub start_char: usize,
    pub end_char: usize,
}

/// Whether the filter may hold each window of `n` characters of a query, in order. Never false for a window that
/// occurs.
#[derive(Clone, Copy, Debug)]
pub struct WindowHits<'a> {
    pub n: usize,
    pub hits: &'a [bool],
}

/// Returns all maximal spans of at least `min_chars` characters over all `segments` together, in order.
///
/// `query` is normalised as the text of the segments is. `prefilter` saves most searches; it is used if its windows
/// are no longer than `min_chars`. `anchors` are those of lean segments, in which spans have n or more characters.
///
/// # Panics
/// If `min_chars` is 0, or the prefilter does not have one hit per window.
pub async fn maximal_spans(
    query: &str,
    segments: &[TextIndex<'_>],
    anchors: Option<&Anchors>,
    prefilter: Option<WindowHits<'_>>,
    min_chars: usize,
) -> Vec<Span> {
    assert!(min_chars > 0, "a span has at least one character");
    let search = Search::new(query, segments, anchors);
    let prefilter = prefilter.filter(|windows| windows.n <= min_chars);
    if let Some(windows) = prefilter {
        assert_eq!(
            windows.hits.len(),
            windows_of(search.chars(), windows.n),
            "one hit per window"
        );
    }
    // Length of the windows by which spans are searched. All windows of a span occur.
    let window = prefilter.map_or(min_chars, |windows| windows.n);
    let mut spans = Vec::new();
    let mut next = search.first_window(0, window, prefilter).await;
    while let Some((start, end)) = next {
        if end - start >= min_chars {
            spans.push(search.span(start, end));
        }
        next = search.next_span(start, end, window, prefilter).await;
    }
    spans
}

/// Returns the exact QUIP numerator: the number of windows of `n` characters that are inside a span. `spans` are the
/// [`maximal_spans`] with `min_chars` = `n`.
pub fn quoted_windows(spans: &[Span], n: usize) -> usize {
    let mut counted = 0;
    let mut windows = 0;
    for span in spans {
        let end = span.end_char + 1 - n;
        windows += end - span.start_char.max(counted);
        counted = end;
    }
    windows
}

/// Returns the maximal runs of consecutive hit windows, each as [first, last + n) in characters. Runs may overlap.
pub fn covered_runs(windows: WindowHits) -> Vec<(usize, usize)> {
    let mut first = 0;
    let mut runs = Vec::new();
    for run in windows.hits.chunk_by(|a, b| a == b) {
        if run[0] {
            runs.push((first, first + run.len() - 1 + windows.n));
        }
        first += run.len();
    }
    runs
}

/// A query and the segments that it is searched in. Positions are characters of the query.
struct Search<'a> {
    query: &'a str,
    segments: &'a [TextIndex<'a>],
    /// The byte where each character starts, and the end.
    starts: Vec<usize>,
    /// The byte of the anchor of the n-gram at each character, if the segments are lean.
    anchors: Option<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(query: &'a str, segments: &'a [TextIndex<'a>], anchors: Option<&Anchors>) -> Self {
        let starts = query.char_indices().map(|(byte, _)| byte);
        let starts: Vec<usize> = starts.chain([query.len()]).collect();
        let anchors = anchors.map(|anchors| {
            let mut bytes = Vec::with_capacity(starts.len());
            anchors.for_each(query, |anchor| bytes.push(starts[anchor]));
            bytes
        });
        Self {
            query,
            segments,
            starts,
            anchors,
        }
    }

    /// Returns the position, in the pattern that starts at `start`, of the anchor of its first n-gram.
    fn anchor(&self, start: usize) -> Option<usize> {
        let anchor = self.anchors.as_ref()?.get(start)?;
        Some(anchor - self.starts[start])
    }

    fn chars(&self) -> usize {
        self.starts.len() - 1
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span {
            start_byte: self.starts[start],
            end_byte: self.starts[end],
            start_char: start,
            end_char: end,
        }
    }

    /// Returns the end of the longest match that starts at `start`. For a match of fewer than `window` characters it
    /// may return `start`.
    async fn longest_match(&self, start: usize, window: usize) -> usize {
        let pattern = &self.query.as_bytes()[self.starts[start]..];
        let (anchor, least) = (
            self.anchor(start),
            self.starts[start + window] - self.starts[start],
        );
        let mut bytes = 0;
        for segment in self.segments {
            bytes = bytes.max(segment.longest_prefix(pattern, anchor, least).await);
        }
        let end = self.starts[start] + bytes;
        // A match may end inside a character that shares its first bytes with the one in the text.
        self.starts.partition_point(|&byte| byte <= end) - 1
    }

    async fn occurs(&self, start: usize, end: usize) -> bool {
        let pattern = &self.query.as_bytes()[self.starts[start]..self.starts[end]];
        let anchor = self.anchor(start);
        for segment in self.segments {
            if segment.contains(pattern, anchor).await {
                return true;
            }
        }
        false
    }

    /// Returns the first position at or after `from` whose window occurs, with the end of its longest match.
    async fn first_window(
        &self,
        from: usize,
        window: usize,
        prefilter: Option<WindowHits<'_>>,
    ) -> Option<(usize, usize)> {
        let mut start = from;
        while start + window <= self.chars() {
            if let Some(windows) = prefilter {
                start += windows.hits[start..].iter().position(|&hit| hit)?;
            } else if self.anchors.is_none() {
                // If the second half of the window does not occur, no window that contains it does.
                let half = start + window / 2;
                if half > start && !self.occurs(half, start + window).await {
                    start = half + 1;
                    continue;
                }
            }
            let end = self.longest_match(start, window).await;
            if end >= start + window {
                return Some((start, end));
            }
            start += 1;
        }
        None
    }

    /// Returns the span after [start, end): the first whose match extends beyond `end`.
    async fn next_span(
        &self,
        start: usize,
        end: usize,
        window: usize,
        prefilter: Option<WindowHits<'_>>,
    ) -> Option<(usize, usize)> {
        if end == self.chars() {
            return None;
        }
        // It contains the character at `end` or starts after it. If it starts at or before `last`, the window there
        // is part of it; otherwise the window before its start does not occur.
        let last = end + 1 - window;
        let (found, reach) = self.first_window(last, window, prefilter).await?;
        if found > last {
            return Some((found, reach));
        }
        // A match remains one when characters on its left are dropped: bisect for the first start that reaches `end`.
        let (mut low, mut high) = (start + 1, last);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.occurs(middle, end + 1).await {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let reach = if low == last {
            reach
        } else {
            self.longest_match(low, window).await
        };
        // This is always true in an undamaged index; a damaged one must not send the search back.
        (reach > end).then_some((low, reach))
    }
}
