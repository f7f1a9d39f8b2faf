//! The guide of a corpus, and its answers for many responses at once.

use std::ops::Range;
use std::sync::Arc;

use super::corpus::{Corpus, Structures};
use super::pattern::Pattern;
use super::response::Response;
use super::suffixes::suffixes_of;
use super::vocabulary::Vocabulary;
use super::{filter, full, lean};
use crate::error::{Error, Result};
use crate::memory::side_by_side::side_by_side;

/// Finds how long a quote each next token would continue.
pub struct Guide {
    corpus: Corpus,
    vocabulary: Arc<Vocabulary>,
    min_chars: usize,
    max_chars: usize,
}

/// A response and the tokens that may follow on it.
pub struct Row<'a> {
    pub response: &'a Response,
    pub candidates: &'a [i64],
}

/// The text of a row with a candidate.
pub(super) struct Candidate {
    pub row: usize,
    /// Its bytes, among those of all candidates.
    pub bytes: Range<usize>,
    /// Bytes from the response; 0 if bytes follow on it that are no text.
    pub tail: usize,
    pub incomplete: usize,
}

impl Guide {
    /// The longest match that an answer can have.
    pub const MAX_CHARS: usize = 1024;

    /// Makes a guide whose matches have `min_chars` to `max_chars` characters.
    pub fn new(
        corpus: Corpus,
        vocabulary: Arc<Vocabulary>,
        min_chars: usize,
        max_chars: usize,
    ) -> Result<Self> {
        let usage = |message| Err(Error::Usage(message));
        if min_chars == 0 || min_chars >= max_chars || max_chars > Self::MAX_CHARS {
            return usage(format!(
                "min_chars is {min_chars} and max_chars {max_chars}: choose 1 <= min_chars < max_chars <= {}",
                Self::MAX_CHARS
            ));
        }
        let shortest = corpus.shortest();
        if max_chars < shortest {
            return usage(format!(
                "max_chars is {max_chars}, but this index finds matches of {shortest} characters or more: choose \
                 {shortest} or more, or build the index with --structures bloom,suffix"
            ));
        }
        Ok(Self {
            corpus,
            vocabulary,
            min_chars: min_chars.max(shortest),
            max_chars,
        })
    }

    /// Starts an empty response.
    pub fn response(&self) -> Response {
        Response::new(self.corpus.normalization(), self.max_chars)
    }

    pub(super) fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    pub(super) fn max_chars(&self) -> usize {
        self.max_chars
    }

    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Returns m for all candidates of the first row, then for those of the next, and so on.
    pub fn matches(&self, rows: &[Row<'_>]) -> Result<Vec<usize>> {
        let (mut arena, mut candidates, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = 0;
        for (
            row,
            Row {
                response,
                candidates: tokens,
            },
        ) in rows.iter().enumerate()
        {
            let mut without = Vec::new();
            response.peek(&[], &mut without);
            for &token in *tokens {
                // Padding of the vocabulary has no bytes either.
                if let Some(bytes @ [_, ..]) = self.vocabulary.token(token)
                    && let Some(candidate) = candidate(&mut arena, row, response, bytes, &without)
                {
                    candidates.push(candidate);
                    places.push(answers);
                }
                answers += 1;
            }
        }
        let tails: Vec<&str> = rows.iter().map(|row| row.response.tail()).collect();
        let found = self.longest(&tails, &arena, &candidates)?;
        let mut matches = vec![0; answers];
        for (place, chars) in places.into_iter().zip(found) {
            matches[place] = chars;
        }
        self.corpus.check_whole()?;
        Ok(matches)
    }

    /// Returns the characters of the longest suffix of each candidate's text; 0 if there are fewer than `min_chars`.
    pub(super) fn longest(
        &self,
        tails: &[&str],
        arena: &[u8],
        candidates: &[Candidate],
    ) -> Result<Vec<usize>> {
        let patterns: Vec<Pattern> = candidates
            .iter()
            .map(|one| Pattern::new(&arena[one.bytes.clone()], one.tail, one.incomplete))
            .collect();
        let mut longest = vec![0; candidates.len()];
        // A later segment only counts if its match is longer.
        let least = |longest: usize| self.min_chars.max(longest + 1);
        let most = self.max_chars;
        match self.corpus.structures()? {
            Structures::Filter(index) => {
                for (longest, pattern) in longest.iter_mut().zip(&patterns) {
                    let run = filter::run(index, pattern, most);
                    *longest = if run >= self.min_chars { run } else { 0 };
                }
            }
            Structures::Full(segments) => {
                let order = in_order(&patterns, self.min_chars);
                for view in &segments {
                    let suffixes = suffixes_of(view, tails);
                    let search = |&number: &usize| {
                        let pattern = patterns[number];
                        let theirs = &suffixes[candidates[number].row];
                        let theirs = (pattern.tail > 0).then_some(theirs);
                        full::Search::new(view, pattern, theirs, least(longest[number]), most)
                    };
                    let mut searches: Vec<full::Search> = order.iter().map(search).collect();
                    full::search_all(view, &mut searches);
                    for (&number, search) in order.iter().zip(&searches) {
                        longest[number] = longest[number].max(search.longest());
                    }
                }
            }
            Structures::Lean(segments, anchors) => {
                for view in &segments {
                    let search = |number: usize| {
                        let least = least(longest[number]);
                        lean::longest(view, anchors, &patterns[number], least, most)
                    };
                    let found = side_by_side((0..patterns.len()).map(search));
                    for (longest, found) in longest.iter_mut().zip(found) {
                        *longest = found.unwrap_or(*longest);
                    }
                }
            }
        }
        Ok(longest)
    }
}

/// Returns the text of a row with a token. There is none for a token that adds nothing to the text that the row has
/// `without` it, such as more white space: it continues no quote.
fn candidate(
    arena: &mut Vec<u8>,
    row: usize,
    response: &Response,
    bytes: &[u8],
    without: &[u8],
) -> Option<Candidate> {
    let mut start = arena.len();
    let tail = response.tail().len();
    arena.extend_from_slice(response.tail().as_bytes());
    let added = response.peek(bytes, arena);
    if added.broken {
        start += tail;
    } else if arena[start + tail..] == *without {
        arena.truncate(start);
        return None;
    }
    Some(Candidate {
        row,
        bytes: start..arena.len(),
        tail: if added.broken { 0 } else { tail },
        incomplete: added.incomplete,
    })
}

/// Returns the numbers of the patterns in the order of their last `chars` characters. Searches for neighbours in this
/// order read the same memory.
fn in_order(patterns: &[Pattern<'_>], chars: usize) -> Vec<usize> {
    let key = |pattern: &Pattern| {
        let mut key = [0; 8];
        let suffix = &pattern.bytes[pattern.start_of_last(chars)..];
        let length = suffix.len().min(8);
        key[..length].copy_from_slice(&suffix[..length]);
        u64::from_be_bytes(key)
    };
    let keys = patterns.iter().map(key).zip(0..);
    let mut keys: Vec<(u64, usize)> = keys.collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, number)| number).collect()
}
