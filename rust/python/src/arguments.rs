//! Converts arguments of Python calls to the types of the core.

use pyo3::prelude::*;
use quotetune_core::build::options::WantedFilter;
use quotetune_core::error::{Error, Result};
use quotetune_core::filter::sizing::Sizing;
use quotetune_core::text::squash::Normalization;

use crate::error::{to_python, usage_error};

/// Returns the filter to build. The bits per distinct n-gram and the expected n-grams belong to a Bloom filter.
pub fn wanted_filter(
    py: Python<'_>,
    bits_per_ngram: Option<f64>,
    expected_ngrams: Option<u64>,
    fuse: bool,
) -> PyResult<WantedFilter> {
    let wanted: Result<WantedFilter> = match (fuse, bits_per_ngram, expected_ngrams) {
        (false, Some(bits), expected) => Sizing::new(bits, expected).map(WantedFilter::Bloom),
        (false, None, None) => Ok(WantedFilter::None),
        (true, None, None) => Ok(WantedFilter::Fuse),
        (true, Some(_), _) => Err(Error::Usage(
            "a fuse filter beside a Bloom filter; choose bloom or fuse".to_owned(),
        )),
        (_, None, Some(_)) => Err(Error::Usage(
            "expected n-grams without a Bloom filter; choose bloom".to_owned(),
        )),
    };
    wanted.map_err(|error| to_python(py, error))
}

pub fn normalization(py: Python<'_>, name: &str) -> PyResult<Normalization> {
    let message = || format!("normalization {name:?}; choose squash or none");
    Normalization::from_name(name).ok_or_else(|| usage_error(py, message()))
}

/// Returns the bits per distinct n-gram with which an index keeps to a false-positive rate.
#[pyfunction]
pub fn bits_for_fpr(py: Python<'_>, fpr: f64) -> PyResult<f64> {
    Sizing::bits_for_fpr(fpr).map_err(|error| to_python(py, error))
}
