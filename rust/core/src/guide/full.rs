//! The longest suffix of a text that occurs in a segment with all suffixes sorted.

use super::pattern::{Pattern, common_suffix_chars};
use super::suffixes::Suffixes;
use crate::memory::prefetch::prefetch;
use crate::memory::side_by_side::give_way;
use crate::suffix::view::SuffixView;

/// Occurrences that are read after a search. If there are no more, the longest match is among them.
const READ: usize = 4;

/// An answer for one length.
struct Found {
    /// Characters of the longest match that was seen.
    longest: usize,
    /// Whether no other occurrence is longer.
    is_longest: bool,
}

/// Returns the characters of the longest suffix of `pattern` that occurs, from `least` to `most`, or None if fewer
/// than `least` occur. `suffixes` are those of the tail; without them, the pattern has no tail.
pub async fn longest(
    view: &SuffixView<'_>,
    suffixes: Option<&Suffixes>,
    pattern: &Pattern<'_>,
    least: usize,
    most: usize,
) -> Option<usize> {
    // Matches of this length are too long.
    let mut too_long = most.min(pattern.chars()) + 1;
    if let Some(few) = suffixes.and_then(|suffixes| suffixes.few.as_ref()) {
        if let Some(before) = few.before(view, pattern.after_tail()) {
            let chars = (before + pattern.added).min(most);
            return (chars >= least).then_some(chars);
        }
        too_long = too_long.min(few.chars + pattern.added);
    }
    if least >= too_long {
        return None;
    }
    // Most tokens end here.
    let mut found = search(view, suffixes, pattern, least).await?;
    while !found.is_longest && found.longest + 1 < too_long {
        let chars = found.longest + (too_long - found.longest) / 2;
        match search(view, suffixes, pattern, chars).await {
            Some(longer) => found = longer,
            None => too_long = chars,
        }
    }
    Some(found.longest.min(most))
}

/// Looks for the last `chars` characters of a pattern, and for more of it before some of their occurrences.
async fn search(
    view: &SuffixView<'_>,
    suffixes: Option<&Suffixes>,
    pattern: &Pattern<'_>,
    chars: usize,
) -> Option<Found> {
    let start = pattern.start_of_last(chars);
    let wanted = &pattern.bytes[start..];
    let within = suffixes
        .filter(|_| start < pattern.tail)
        .and_then(|suffixes| suffixes.many.get(chars - pattern.added));
    let first = match within {
        Some(within) => view.lower_bound_within(within.clone(), wanted).await,
        None => view.lower_bound(wanted).await,
    };
    if !view.suffix(first).starts_with(wanted) {
        return None;
    }
    let positions = view.positions(first..(first + READ).min(view.len()));
    for &position in positions {
        prefetch(view.text(), position as usize);
    }
    give_way().await;
    let mut found = Found {
        longest: chars,
        is_longest: false,
    };
    for &position in positions {
        let (left, right) = view.text().split_at_checked(position as usize)?;
        if !right.starts_with(wanted) {
            found.is_longest = true;
            break;
        }
        let more = common_suffix_chars(left, &pattern.bytes[..start]);
        found.longest = found.longest.max(chars + more);
    }
    Some(found)
}
