//! Text: its normal form, also of a text that arrives in pieces, the hashes of its n-grams, and its anchors.

pub mod anchors;
pub mod chars;
pub mod fold;
pub mod fold_cluster;
pub mod fold_map;
pub mod ngram;
pub mod normalization;
pub mod squash;
pub mod stable;
pub mod stream;
pub mod typography;
