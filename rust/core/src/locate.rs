//! Where a span occurs: how often, and in which documents first.

use std::ops::Range;

use crate::suffix::SuffixView;

/// Occurrences of `pattern` in all segments; overlapping ones count.
pub fn occurrences(segments: &[SuffixView], pattern: &str) -> usize {
    let count = |segment: &SuffixView| segment.interval(pattern.as_bytes()).len();
    segments.iter().map(count).sum()
}

/// The `k` lowest-numbered documents that an interval of the suffix array lies in, ascending, each with the byte
/// position in the segment's text of its first occurrence.
///
/// `doc_starts[d]` is where document d starts in the text, ascending; it may end with the length of the text.
pub fn lowest_documents(
    segment: &SuffixView,
    interval: Range<usize>,
    doc_starts: &[u64],
    k: usize,
) -> Vec<(usize, u64)> {
    let mut lowest: Vec<(usize, u64)> = Vec::with_capacity(k + 1);
    // Once k documents are known, a position behind the last of them needs no look at its document.
    let mut bound = if k == 0 { 0 } else { u64::MAX };
    for &position in segment.positions(interval) {
        let position = u64::from(position);
        if position >= bound {
            continue;
        }
        let Some(document) = doc_starts
            .partition_point(|&start| start <= position)
            .checked_sub(1)
        else {
            continue;
        };
        match lowest.binary_search_by_key(&document, |&(known, _)| known) {
            Ok(known) => lowest[known].1 = lowest[known].1.min(position),
            Err(place) => lowest.insert(place, (document, position)),
        }
        lowest.truncate(k);
        if let (true, Some(&(last, _))) = (lowest.len() == k, lowest.last()) {
            bound = doc_starts.get(last + 1).copied().unwrap_or(u64::MAX);
        }
    }
    lowest
}
