//! The run of covered characters at the end of a text, by a filter alone.

use super::pattern::Pattern;
use crate::query::Index;

/// Returns the length of the run of windows at the end of a text that the filter all holds, in characters and at most
/// `most`; 0 if it does not hold the last window.
pub fn run(index: &Index, pattern: &Pattern<'_>, most: usize) -> usize {
    let start = pattern.start_of_last(most);
    let text = str::from_utf8(&pattern.text()[start..]).unwrap_or_default();
    let hits = index.window_hits(text);
    let windows = hits.iter().rev().take_while(|&&hit| hit).count();
    match windows {
        0 => 0,
        _ => windows + index.n() - 1,
    }
}
