//! Locates a string: its number of occurrences, and the first documents that hold it.

use crate::suffix::text_index::TextIndex;
use crate::text::anchors::Anchors;

/// Returns the occurrences of each of `patterns` in all segments; overlapping ones count. `anchors` are those of lean
/// segments.
pub fn occurrences(
    segments: &[TextIndex],
    anchors: Option<&Anchors>,
    patterns: &[&str],
) -> Vec<usize> {
    let anchored = |&pattern| {
        let anchor = anchors.and_then(|anchors| anchors.first(pattern));
        (str::as_bytes(pattern), anchor)
    };
    let anchored: Vec<_> = patterns.iter().map(anchored).collect();
    let mut totals = vec![0; patterns.len()];
    for segment in segments {
        for (total, count) in totals.iter_mut().zip(segment.counts(&anchored)) {
            *total += count;
        }
    }
    totals
}

/// Returns the `k` lowest-numbered documents that contain one of `positions` in a segment's text, ascending, each
/// with its lowest position.
///
/// `doc_starts[d]` is the start of document d in the text, ascending. The slice may end with the length of the text.
pub fn lowest_documents(positions: &[u32], doc_starts: &[u64], k: usize) -> Vec<(usize, u64)> {
    let mut lowest: Vec<(usize, u64)> = Vec::with_capacity(k + 1);
    // Once k documents are known, a position after the last of them can be skipped.
    let mut bound = if k == 0 { 0 } else { u64::MAX };
    for &position in positions {
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
