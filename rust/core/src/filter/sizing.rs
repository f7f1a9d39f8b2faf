//! The size of Bloom filters, and the false-positive rate of several together.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::bloom;
use crate::error::{Error, Result};

/// The numbers of distinct n-grams that a filter can be sized for on request.
pub const EXPECTED_NGRAMS: RangeInclusive<u64> = 1..=1_000_000_000_000_000;

/// The size of an index's Bloom filters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sizing {
    /// Bits per distinct n-gram of a filter that is the only one.
    pub bits_per_ngram: f64,
    /// Upper limit of the false-positive rate of all filters together.
    pub max_fpr: f64,
    /// Distinct n-grams that the filter must have room for, even if the corpus holds fewer.
    pub expected_ngrams: Option<u64>,
}

impl Sizing {
    /// Share of the rate that a single filter takes. Filters that are added later share the rest.
    pub const FIRST_SHARE: f64 = 0.93;

    /// Returns this size, or an error if a filter cannot have it.
    pub fn new(bits_per_ngram: f64, expected_ngrams: Option<u64>) -> Result<Self> {
        let bits = bloom::BITS_PER_NGRAM;
        if !bits.contains(&bits_per_ngram) {
            let (least, most) = bits.into_inner();
            return Err(Error::Usage(format!(
                "{bits_per_ngram} bits per n-gram: choose from {least} to {most}"
            )));
        }
        if let Some(ngrams) = expected_ngrams.filter(|ngrams| !EXPECTED_NGRAMS.contains(ngrams)) {
            let (least, most) = EXPECTED_NGRAMS.into_inner();
            return Err(Error::Usage(format!(
                "expected_ngrams is {ngrams}: choose from {least} to {most}"
            )));
        }
        Ok(Self {
            bits_per_ngram,
            max_fpr: (bloom::bits_to_fpr(bits_per_ngram) / Self::FIRST_SHARE).min(1.0),
            expected_ngrams,
        })
    }

    /// Returns the bits per n-gram with which all filters together stay within `fpr`.
    pub fn bits_for_fpr(fpr: f64) -> Result<f64> {
        if !(fpr > 0.0 && fpr < 1.0) {
            return Err(Error::Usage(format!(
                "fpr is {fpr}: choose a rate between 0 and 1, such as 0.001"
            )));
        }
        let most = *bloom::BITS_PER_NGRAM.end();
        let least = bloom::bits_to_fpr(most) / Self::FIRST_SHARE;
        match fpr < least {
            true => Err(Error::Usage(format!(
                "fpr is {fpr}, but even {most} bits per n-gram, the maximum, give {least:.1e}: choose a larger rate"
            ))),
            false => Ok(bloom::fpr_to_bits(fpr * Self::FIRST_SHARE)),
        }
    }
}

impl Default for Sizing {
    fn default() -> Self {
        Self::new(bloom::DEFAULT_BITS_PER_NGRAM, None).expect("so many bits can be asked for")
    }
}

/// Returns the false-positive rate of several filters that are all queried for every n-gram.
pub fn joint_fpr(rates: impl IntoIterator<Item = f64>) -> f64 {
    1.0 - rates.into_iter().map(|rate| 1.0 - rate).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for bits in [0.0, 0.99, 256.1, -1.0, f64::NAN, f64::INFINITY] {
            let error = Sizing::new(bits, None).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("{bits} bits per n-gram: choose from 1 to 256")
            );
        }
        for ngrams in [0, 1_000_000_000_000_001, u64::MAX] {
            assert!(Sizing::new(16.0, Some(ngrams)).is_err());
        }
        assert!(Sizing::new(256.0, Some(1)).is_ok());
    }

    #[test]
    fn bits_for_a_rate_keep_to_it() {
        for fpr in [0.5, 0.001, 1e-9] {
            let sizing = Sizing::new(Sizing::bits_for_fpr(fpr).unwrap(), None).unwrap();
            assert!(
                (sizing.max_fpr / fpr - 1.0).abs() < 1e-4,
                "{fpr}: {sizing:?}"
            );
        }
    }

    #[test]
    fn a_rate_that_no_number_of_bits_gives_is_refused() {
        for fpr in [0.0, 1.0, -0.1, 1.5, f64::NAN, 1e-30] {
            assert!(Sizing::bits_for_fpr(fpr).is_err(), "{fpr}");
        }
    }
}
