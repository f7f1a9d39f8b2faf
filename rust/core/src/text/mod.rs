//! Text: its normal form, the hashes of its n-grams, and its anchors.

pub mod anchors;
pub mod ngram;
pub mod squash;
