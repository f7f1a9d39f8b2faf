//! The texts of a given length that occur several times, each with all its places.

use std::ops::Range;

use rayon::prelude::*;

use super::merged::{Merged, Place};
use crate::error::Result;
use crate::memory::side_by_side::alone;
use crate::suffix::array::SEPARATOR;
use crate::suffix::view::SuffixView;

/// Parts per thread, so that no thread waits long for the last one.
const PARTS_PER_THREAD: usize = 8;
/// The most bytes of a character in UTF-8.
const MOST_BYTES: usize = 4;
/// Suffixes between two checks for a stop.
const CHECK_EVERY: usize = 1 << 16;

/// Calls `visit` with all places of each text of `chars` characters that occurs `times` times or more, in all views
/// together. The order of the places is that of what follows the text.
pub fn for_each_group(
    views: &[SuffixView],
    chars: usize,
    times: usize,
    check: impl Fn() -> Result<()> + Sync,
    visit: impl Fn(&[Place]) + Sync,
) -> Result<()> {
    parts(views, chars).into_par_iter().try_for_each(|part| {
        let mut group = Group::new(views, chars);
        for (number, place) in Merged::new(views, part, chars * MOST_BYTES).enumerate() {
            if number % CHECK_EVERY == 0 {
                check()?;
            }
            if !group.takes(place) {
                group.give(times, &visit);
                group.places.push(place);
            }
        }
        group.give(times, &visit);
        Ok(())
    })
}

/// Suffixes that start with the same text.
struct Group<'a> {
    views: &'a [SuffixView<'a>],
    chars: usize,
    places: Vec<Place>,
    /// The text, as soon as there are two.
    text: &'a [u8],
}

impl<'a> Group<'a> {
    fn new(views: &'a [SuffixView<'a>], chars: usize) -> Self {
        Self {
            views,
            chars,
            places: Vec::new(),
            text: &[],
        }
    }

    /// Adds a place if its suffix starts with the group's text.
    fn takes(&mut self, place: Place) -> bool {
        let suffix = self.suffix(place);
        let belongs = match self.places[..] {
            [] => false,
            [only] => {
                let first = self.suffix(only);
                // Most neighbours differ within fewer bytes than characters are asked for.
                let alike = first.get(..self.chars) == suffix.get(..self.chars);
                self.text = match alike {
                    true => first_chars(first, self.chars).unwrap_or_default(),
                    false => &[],
                };
                !self.text.is_empty() && suffix.starts_with(self.text)
            }
            _ => suffix.starts_with(self.text),
        };
        if belongs {
            self.places.push(place);
        }
        belongs
    }

    fn give(&mut self, times: usize, visit: impl Fn(&[Place])) {
        if self.places.len() >= times {
            visit(&self.places);
        }
        self.places.clear();
    }

    fn suffix(&self, place: Place) -> &'a [u8] {
        let text = self.views[place.segment as usize].text();
        text.get(place.position as usize..).unwrap_or_default()
    }
}

/// Returns the first characters of a suffix; None if its document ends before, or it starts within a character.
pub fn first_chars(suffix: &[u8], chars: usize) -> Option<&[u8]> {
    if !is_start(*suffix.first()?) {
        return None;
    }
    let mut left = chars;
    for (at, &byte) in suffix.iter().enumerate() {
        if is_start(byte) {
            if left == 0 {
                return Some(&suffix[..at]);
            }
            left -= 1;
        }
        if byte == SEPARATOR {
            return None;
        }
    }
    // A text ends with a separator, unless it is damaged.
    None
}

/// Whether a byte starts a character. The separator counts as a character.
fn is_start(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

/// Divides the suffixes of all views so that the same text is in the same part of each.
fn parts(views: &[SuffixView], chars: usize) -> Vec<Vec<Range<usize>>> {
    let count = rayon::current_num_threads() * PARTS_PER_THREAD;
    let Some(largest) = views.iter().max_by_key(|view| view.len()) else {
        return Vec::new();
    };
    let step = largest.len().div_ceil(count).max(1);
    let starts = (step..largest.len()).step_by(step);
    let texts = starts.filter_map(|index| first_chars(largest.suffix(index), chars));
    let mut bounds: Vec<Vec<usize>> = vec![vec![0; views.len()]];
    bounds.extend(texts.map(|text| {
        let bound = |view: &SuffixView| alone(view.lower_bound(text));
        views.iter().map(bound).collect()
    }));
    bounds.push(views.iter().map(SuffixView::len).collect());
    let pairs = bounds.windows(2);
    pairs
        .map(|pair| {
            let ranges = pair[0].iter().zip(&pair[1]);
            ranges.map(|(&start, &end)| start..end.max(start)).collect()
        })
        .collect()
}
