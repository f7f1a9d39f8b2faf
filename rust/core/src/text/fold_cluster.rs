//! Characters that may still go together: put into order, composed and appended to the folded text.

use unicode_case_mapping::case_folded;
use unicode_normalization::char::{canonical_combining_class, compose};

use super::fold_map::FoldMap;
use super::typography::straightened;

/// Told where each character of the folded text came from.
pub trait Origins {
    /// `count` characters came from as many, one from each.
    fn push_straight(&mut self, raw: usize, count: usize);

    /// A character came from `start..end`; `joined`: it cannot be told from the one before it.
    fn push(&mut self, start: usize, end: usize, joined: bool);
}

/// For those who do not want to know.
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
    /// Canonical combining class.
    class: u8,
    start: usize,
    end: usize,
    /// The least start of this part and of those after it.
    least: usize,
}

/// The folded text so far, and the characters after it that the next one may go together with.
pub struct Cluster<O> {
    folded: String,
    /// Whether case is folded.
    case: bool,
    origins: O,
    parts: Vec<Part>,
    /// Where what the parts before these came from ends.
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

    /// Append ASCII; nothing may be in the making.
    pub fn push_ascii(&mut self, text: &str, raw: usize) {
        let from = self.folded.len();
        self.folded.push_str(text);
        if self.case {
            self.folded[from..].make_ascii_lowercase();
        }
        self.origins.push_straight(raw, text.len());
    }

    /// Append a character that nothing changes any more; nothing may be in the making.
    pub fn push_stable(&mut self, c: char, raw: usize) {
        self.folded.push(straightened(c));
        self.origins.push(raw, raw + 1, false);
    }

    /// Add a fully decomposed character of the text's character `raw`.
    pub fn push(&mut self, c: char, class: u8, raw: usize) {
        self.parts.push(Part {
            c,
            class,
            start: raw,
            end: raw + 1,
            least: raw,
        });
    }

    /// Append what is in the making.
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

    /// Put marks in a row into the order of their classes.
    fn reorder(&mut self) {
        for marks in self.parts.split_mut(|part| part.class == 0) {
            marks.sort_by_key(|part| part.class);
        }
    }

    /// Fold the case of each part. One mark, the iota below, becomes a letter, so marks must be in order before.
    fn fold_case(&mut self) {
        for part in &mut self.parts {
            if let Some(folded) = case_folded(part.c).and_then(|c| char::from_u32(c.get())) {
                part.c = folded;
                part.class = canonical_combining_class(folded);
            }
        }
    }

    /// Compose each starter with the marks after it that nothing keeps from it (UAX #15, section 1.3).
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
