//! Where the suffixes of a response occur in a segment, found once for all tokens that may follow.

use std::ops::Range;

use super::occurrences::{FEW, Occurrences};
use crate::suffix::view::SuffixView;

/// The longest suffixes that are searched for first, and after that. On 200 MB of English, a suffix of the first
/// lengths mostly occurs a few times already.
const ROUNDS: [usize; 3] = [12, 20, usize::MAX];

/// The suffixes of a response.
#[derive(Debug)]
pub struct Suffixes {
    /// An interval with all occurrences of the suffix of each length in characters, from 0 on, as long as there are
    /// many. Others may follow in it.
    pub many: Vec<Range<usize>>,
    /// The occurrences of the next one; None if all suffixes occur many times.
    pub few: Option<Occurrences>,
}

/// A suffix that is searched for.
#[derive(Clone, Copy)]
struct Wanted<'t> {
    row: usize,
    chars: usize,
    bytes: &'t [u8],
}

/// Finds the suffixes of each of `tails`.
pub fn suffixes_of(view: &SuffixView<'_>, tails: &[&str]) -> Vec<Suffixes> {
    let everything = 0..view.len();
    let empty = |_: &&str| Suffixes {
        many: Vec::from([everything.clone()]),
        few: None,
    };
    let mut found: Vec<Suffixes> = tails.iter().map(empty).collect();
    let mut open: Vec<usize> = (0..tails.len()).collect();
    let mut shorter = 0;
    for longest in ROUNDS {
        let of_row = |&row: &usize| suffixes(row, tails[row], shorter, longest);
        let wanted: Vec<Wanted> = open.iter().flat_map(of_row).collect();
        let patterns: Vec<&[u8]> = wanted.iter().map(|one| one.bytes).collect();
        for (&one, interval) in wanted.iter().zip(view.rough_intervals(&patterns, FEW)) {
            let suffixes = &mut found[one.row];
            if suffixes.few.is_some() {
                continue;
            }
            if interval.len() > FEW {
                suffixes.many.push(interval);
            } else {
                let positions = view.positions(interval.start..interval.end.min(view.len()));
                let tail = tails[one.row].as_bytes();
                let few = Occurrences::read(view, positions, tail, one.bytes, one.chars);
                suffixes.few = Some(few);
            }
        }
        open.retain(|&row| found[row].few.is_none());
        shorter = longest;
    }
    found
}

/// Yields the suffixes of a tail that are longer than `shorter`, up to `longest`, in characters.
fn suffixes(
    row: usize,
    tail: &str,
    shorter: usize,
    longest: usize,
) -> impl Iterator<Item = Wanted<'_>> {
    let starts = tail.char_indices().rev().enumerate();
    let wanted = starts.map(move |(number, (start, _))| Wanted {
        row,
        chars: number + 1,
        bytes: &tail.as_bytes()[start..],
    });
    wanted.skip(shorter).take(longest - shorter)
}
