//! Converts arguments of Python calls to the types of the core.

use pyo3::prelude::*;
use quotetune_core::build::options::WantedFilter;
use quotetune_core::filter::sizing::Sizing;
use quotetune_core::text::normalization::Normalization;

use crate::error::{to_python, usage_error};

/// The filter to build, as Python gives it.
#[derive(FromPyObject)]
pub enum Filter {
    /// A Bloom filter: bits per distinct n-gram, and the distinct n-grams to make room for.
    Bloom(f64, Option<u64>),
    /// Another filter by its name; there is `fuse`.
    #[pyo3(transparent)]
    Named(String),
}

pub fn wanted_filter(py: Python<'_>, filter: Option<Filter>) -> PyResult<WantedFilter> {
    match filter {
        None => Ok(WantedFilter::None),
        Some(Filter::Bloom(bits, expected)) => Sizing::new(bits, expected)
            .map(WantedFilter::Bloom)
            .map_err(|error| to_python(py, error)),
        Some(Filter::Named(name)) if name == "fuse" => Ok(WantedFilter::Fuse),
        Some(Filter::Named(name)) => Err(usage_error(
            py,
            format!("filter {name:?}: choose bloom or fuse"),
        )),
    }
}

pub fn normalization(py: Python<'_>, name: &str) -> PyResult<Normalization> {
    let message = || format!("normalization {name:?}: choose squash, fold, fold-case or none");
    Normalization::from_name(name).ok_or_else(|| usage_error(py, message()))
}

/// Returns the normalisation of a filter that another program made. It is never of folded text.
pub fn white_space_rule(py: Python<'_>, name: &str) -> PyResult<Normalization> {
    let message = || format!("normalization {name:?}: choose squash or none");
    let known = Normalization::from_name(name).filter(|known| !known.folds());
    known.ok_or_else(|| usage_error(py, message()))
}

/// Returns the bits per distinct n-gram with which an index keeps to a false-positive rate.
#[pyfunction]
pub fn bits_for_fpr(py: Python<'_>, fpr: f64) -> PyResult<f64> {
    Sizing::bits_for_fpr(fpr).map_err(|error| to_python(py, error))
}
