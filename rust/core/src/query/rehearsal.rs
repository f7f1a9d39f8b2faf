//! Searches whose results are not needed, only the pages that they read.
//!
//! A search of a cold file waits for the disk at each step. Searches of one text follow from each other, but many of
//! them can be foreseen. They are made side by side first and wait together; the real ones then find their pages in
//! memory.

use crate::memory::side_by_side::so_many_at_once;
use crate::suffix::text_index::TextIndex;
use crate::text::anchors::Anchors;

/// Searches at once. A disk that answers a request in 0.35 ms answered 16 at once in 0.19 ms each, and 32 in 0.5 ms.
const AT_ONCE: usize = 24;

/// Reads the pages that searches for `patterns` in all segments need. `anchors` are those of lean segments.
pub fn rehearse(segments: &[TextIndex], anchors: Option<&Anchors>, patterns: &[&str]) {
    let searches = patterns.iter().flat_map(|&pattern| {
        let anchor = anchors.and_then(|anchors| anchors.first(pattern));
        segments.iter().map(move |index| async move {
            index.asking().rehearse(pattern.as_bytes(), anchor).await;
        })
    });
    so_many_at_once(AT_ONCE, searches);
}
