//! The normalisations, and the way back from a normalised text to the original one.

use std::borrow::Cow;

use super::fold::{fold, fold_with_offsets};
use super::fold_map::FoldMap;
use super::squash::{SquashMap, squash, squash_with_offsets};

/// The normalisation of corpus and query, applied before n-grams are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normalization {
    /// A run of line ends becomes one `\n`, any other run of white space one space. White space after `\n` and at
    /// both ends is removed.
    Squash,
    /// Typography is folded (NFKC, straight quotation marks, one dash), then the text is squashed.
    Fold,
    /// Typography and case are folded, then the text is squashed.
    FoldCase,
    /// The text as it is.
    None,
}

impl Normalization {
    /// Changes when the output of a normalisation changes. An index records it.
    pub const VERSION: u32 = 1;

    const ALL: [Self; 4] = [Self::Squash, Self::Fold, Self::FoldCase, Self::None];

    /// The name in manifests and on the command line: `squash`, `fold`, `fold-case` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Squash => "squash",
            Self::Fold => "fold",
            Self::FoldCase => "fold-case",
            Self::None => "none",
        }
    }

    /// Returns the normalisation called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|normalization| normalization.name() == name)
    }

    /// Returns whether more than white space changes. An index then keeps the original text, too.
    pub fn folds(self) -> bool {
        matches!(self, Self::Fold | Self::FoldCase)
    }

    /// Returns the normalised text, borrowed if only its ends change.
    pub fn normalize(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::None => Cow::Borrowed(text),
            Self::Squash => squash(text),
            Self::Fold | Self::FoldCase => match fold(text, self == Self::FoldCase) {
                Cow::Borrowed(folded) => squash(folded),
                Cow::Owned(folded) => {
                    let squashed = squash(&folded);
                    Cow::Owned(if_changed(&folded, squashed).unwrap_or(folded))
                }
            },
        }
    }

    /// Returns the normalised text and a map from its characters to those of `text`.
    pub fn normalize_with_offsets(self, text: &str) -> (Cow<'_, str>, OffsetMap) {
        match self {
            Self::None => (Cow::Borrowed(text), OffsetMap::of(SquashMap::shifted(0))),
            Self::Squash => {
                let (squashed, map) = squash_with_offsets(text);
                (squashed, OffsetMap::of(map))
            }
            Self::Fold | Self::FoldCase => {
                let (folded, fold) = fold_with_offsets(text, self == Self::FoldCase);
                let (normal, squash) = match folded {
                    Cow::Borrowed(folded) => squash_with_offsets(folded),
                    Cow::Owned(folded) => {
                        let (squashed, map) = squash_with_offsets(&folded);
                        let changed = if_changed(&folded, squashed);
                        (Cow::Owned(changed.unwrap_or(folded)), map)
                    }
                };
                (normal, OffsetMap { fold, squash })
            }
        }
    }
}

/// Returns the squashed text, or None if it is the whole folded text.
fn if_changed(folded: &str, squashed: Cow<str>) -> Option<String> {
    match squashed {
        Cow::Borrowed(squashed) if squashed.len() == folded.len() => None,
        changed => Some(changed.into_owned()),
    }
}

/// Maps characters of a normalised text to characters of the original text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetMap {
    /// From the folded text to the original text; None if the two are the same.
    fold: Option<FoldMap>,
    /// From the normalised text to the folded text.
    squash: SquashMap,
}

/// Characters of a normalised text, and the span of the original text that they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of normalised characters.
    pub chars: usize,
    /// Span of the original text, in characters.
    pub raw: (usize, usize),
    /// Whether each normalised character comes from one original character.
    pub is_straight: bool,
}

impl OffsetMap {
    fn of(squash: SquashMap) -> Self {
        Self { fold: None, squash }
    }

    /// Returns the span of the original text, in characters, that contains everything that `start..end` of the
    /// normalised characters come from.
    pub fn raw_span(&self, start: usize, end: usize) -> (usize, usize) {
        let (start, end) = self.squash.raw_span(start, end);
        match &self.fold {
            Some(fold) => fold.raw_span(start, end),
            None => (start, end),
        }
    }

    /// Cuts the `chars` characters of the normalised text wherever the original text can be cut, too. A run of characters
    /// that come from one original character each is one piece.
    pub fn pieces(&self, chars: usize) -> impl Iterator<Item = Piece> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at;
            let straight = self.straight_from(start).min(chars - start);
            at += straight;
            if straight == 0 {
                at += usize::from(start < chars);
                while at < chars && self.is_joined(at) {
                    at += 1;
                }
            }
            (at > start).then(|| Piece {
                chars: at - start,
                raw: self.raw_span(start, at),
                is_straight: straight > 0,
            })
        })
    }

    fn straight_from(&self, normal: usize) -> usize {
        let (folded, straight) = self.squash.straight_from(normal);
        match &self.fold {
            Some(fold) => straight.min(fold.straight_from(folded)),
            None => straight,
        }
    }

    fn is_joined(&self, normal: usize) -> bool {
        let (folded, _) = self.squash.straight_from(normal);
        self.fold
            .as_ref()
            .is_some_and(|fold| fold.is_joined(folded))
    }
}
