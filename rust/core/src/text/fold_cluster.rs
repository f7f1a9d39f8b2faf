//! Decomposed characters that may combine: they are reordered, composed and appended to the folded text.

use unicode_case_mapping::case_folded;
use unicode_normalization::char::{canonical_combining_class, compose};

use super::fold_map::FoldMap;
use super::typography::straightened;

/// Records what each character of the folded text comes from.
pub trait Origins {
    /// Records `count` characters, each of which comes from one original character, from `raw` on.
    fn push_straight(&mut self, raw: usize, count: usize);

    /// Records a character that comes from `start..end`. `joined` says that there is no cut before it.
    fn push(&mut self, start: usize, end: usize, joined: bool);
}

/// Records nothing.
impl Origins for () {
    fn push_straight(&mut self, _: usize, _: usize) {}

    fn push(&mut self, _: usize, _: usize, _: bool) {}
}

impl Origins for FoldMap {
    fn push_straight(&mut self, raw: usize, count: usize) {
        self.push_straight(raw, count);
    }

    fn push(&mut self, start: usize, end: usize, joined: bool) {
        self.push(start, end, joined);
    }
}

#[derive(Clone, Copy)]
struct Part {
    c: char,
    /// Its canonical combining class.
    class: u8,
    start: usize,
    end: usize,
    /// The smallest start among this part and those after it.
    least: usize,
}

/// The folded text so far, and the decomposed characters that the next one may combine with.
pub struct Cluster<O> {
    folded: String,
    /// Whether case is folded.
    case: bool,
    origins: O,
    parts: Vec<Part>,
    /// The end of everything that earlier parts come from.
    end: usize,
}

impl<O: Origins> Cluster<O> {
    pub fn new(capacity: usize, case: bool, origins: O) -> Self {
        Self {
            folded: String::with_capacity(capacity),
            case,
            origins,
            parts: Vec::new(),
            end: 0,
        }
    }

    /// Appends ASCII. There must be no pending parts.
    pub fn push_ascii(&mut self, text: &str, raw: usize) {
        let from = self.folded.len();
        self.folded.push_str(text);
        if self.case {
            self.folded[from..].make_ascii_lowercase();
        }
        self.origins.push_straight(raw, text.len());
    }

    /// Appends a character that is its own NFKC. There must be no pending parts.
    pub fn push_stable(&mut self, c: char, raw: usize) {
        self.folded.push(straightened(c));
        self.origins.push(raw, raw + 1, false);
    }

    /// Adds a part of the decomposition of the original character `raw`.
    pub fn push(&mut self, c: char, class: u8, raw: usize) {
        self.parts.push(Part {
            c,
            class,
            start: raw,
            end: raw + 1,
            least: raw,
        });
    }

    /// Appends the pending parts.
    pub fn flush(&mut self) {
        if self.parts.len() > 1 {
            self.reorder();
        }
        if self.case {
            self.fold_case();
        }
        if self.parts.len() > 1 {
            self.compose();
        }
        let mut least = usize::MAX;
        for part in self.parts.iter_mut().rev() {
            least = least.min(part.start);
            part.least = least;
        }
        for part in self.parts.drain(..) {
            self.folded.push(straightened(part.c));
            self.origins
                .push(part.start, part.end, part.least < self.end);
            self.end = self.end.max(part.end);
        }
    }

    /// Sorts each run of marks by their classes.
    fn reorder(&mut self) {
        for marks in self.parts.split_mut(|part| part.class == 0) {
            marks.sort_by_key(|part| part.class);
        }
    }

    /// Folds the case of each part. The marks must be in order, because one of them, the iota below, becomes a letter.
    fn fold_case(&mut self) {
        for part in &mut self.parts {
            if let Some(folded) = case_folded(part.c).and_then(|c| char::from_u32(c.get())) {
                part.c = folded;
                part.class = canonical_combining_class(folded);
            }
        }
    }

    /// Composes each starter with the parts after it that are not blocked from it (UAX #15, section 1.3).
    fn compose(&mut self) {
        let mut kept = 0;
        let mut starter: Option<usize> = None;
        for at in 0..self.parts.len() {
            let part = self.parts[at];
            if let Some(to) = starter {
                let is_next = to + 1 == kept;
                let is_free = is_next || self.parts[kept - 1].class < part.class;
                let composed = is_free.then(|| compose(self.parts[to].c, part.c));
                if let Some(c) = composed.flatten() {
                    let whole = &mut self.parts[to];
                    whole.c = c;
                    whole.start = whole.start.min(part.start);
                    whole.end = whole.end.max(part.end);
                    continue;
                }
            }
            if part.class == 0 {
                starter = Some(kept);
            }
            self.parts[kept] = part;
            kept += 1;
        }
        self.parts.truncate(kept);
    }

    pub fn finish(mut self) -> (String, O) {
        self.flush();
        (self.folded, self.origins)
    }
}
