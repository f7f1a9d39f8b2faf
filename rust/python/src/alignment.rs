//! `_core.aligned`: a normalised text, and where each of its characters is in the text as given.

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::arguments;
use crate::texts::text;

/// Normalise a text. Returns it, and an array of shape (its characters, 2): the span of the given text, in
/// characters, that each comes from.
#[pyfunction]
pub fn aligned<'py>(
    py: Python<'py>,
    text_as_given: &Bound<'py, PyAny>,
    normalization: &str,
) -> PyResult<(String, Bound<'py, PyArray2<i64>>)> {
    let given: PyBackedStr = text(text_as_given, 0)?;
    let normalization = arguments::normalization(py, normalization)?;
    let (normal, spans) = py.detach(|| {
        let (normal, offsets) = normalization.normalize_with_offsets(&given);
        let span = |at| {
            let (start, end) = offsets.raw_span(at, at + 1);
            [start as i64, end as i64]
        };
        let spans: Vec<[i64; 2]> = (0..normal.chars().count()).map(span).collect();
        (normal.into_owned(), spans)
    });
    Ok((normal, Array2::from(spans).into_pyarray(py)))
}
