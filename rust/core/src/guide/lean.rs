//! The longest suffix of a text that occurs in a segment with sorted anchors. It has n characters or more.

use super::pattern::Pattern;
use crate::suffix::lean::LeanView;
use crate::text::anchors::Anchors;

/// Returns the characters of the longest suffix of `pattern` that occurs, from `least` to `most`, or None if fewer
/// than `least` occur. `least` is n or more.
pub async fn longest(
    view: &LeanView<'_>,
    anchors: &Anchors,
    pattern: &Pattern<'_>,
    least: usize,
    most: usize,
) -> Option<usize> {
    let mut too_long = most.min(pattern.chars()) + 1;
    if least >= too_long || !occurs(view, anchors, pattern, least).await {
        return None;
    }
    let mut longest = least;
    while longest + 1 < too_long {
        let chars = longest + (too_long - longest) / 2;
        match occurs(view, anchors, pattern, chars).await {
            true => longest = chars,
            false => too_long = chars,
        }
    }
    Some(longest)
}

async fn occurs(
    view: &LeanView<'_>,
    anchors: &Anchors,
    pattern: &Pattern<'_>,
    chars: usize,
) -> bool {
    let start = pattern.start_of_last(chars);
    let Ok(text) = str::from_utf8(&pattern.text()[start..]) else {
        return false;
    };
    let anchor = anchors.first(text);
    anchor.is_some() && view.contains(&pattern.bytes[start..], anchor).await
}
