//! How large filters are made, and what they keep to together.

use serde::{Deserialize, Serialize};

use super::bloom;

/// How large filters are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sizing {
    /// Bits for each distinct n-gram of a filter that is the only one.
    pub bits_per_ngram: f64,
    /// What the false-positive rate of all filters together stays within.
    pub max_fpr: f64,
    /// Distinct n-grams that room was asked for, however many there are.
    pub expected_ngrams: Option<u64>,
}

impl Sizing {
    /// Share of the rate that is left to a filter that is the only one; those that are added later share the rest.
    pub const FIRST_SHARE: f64 = 0.93;

    pub fn new(bits_per_ngram: f64, expected_ngrams: Option<u64>) -> Self {
        Self {
            bits_per_ngram,
            max_fpr: (bloom::bits_to_fpr(bits_per_ngram) / Self::FIRST_SHARE).min(1.0),
            expected_ngrams,
        }
    }

    /// Bits for each n-gram with which all filters together stay within `fpr`.
    pub fn bits_for_fpr(fpr: f64) -> f64 {
        bloom::fpr_to_bits(fpr * Self::FIRST_SHARE)
    }
}
