//! Core errors as `quotetune.errors.QuotetuneError` and its subclasses.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use quotetune_core::error::Error;

static QUOTETUNE_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static USAGE_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static UNKNOWN_DOCUMENT_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

pub fn quotetune_error(py: Python<'_>, message: String) -> PyErr {
    raise(py, &QUOTETUNE_ERROR, "QuotetuneError", message)
}

pub fn usage_error(py: Python<'_>, message: String) -> PyErr {
    raise(py, &USAGE_ERROR, "UsageError", message)
}

fn raise(
    py: Python<'_>,
    class: &'static PyOnceLock<Py<PyType>>,
    name: &str,
    message: String,
) -> PyErr {
    match class.import(py, "quotetune.errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), message),
        Err(error) => error,
    }
}

pub fn to_python(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Usage(message) => usage_error(py, message),
        Error::UnknownDocument { .. } => raise(
            py,
            &UNKNOWN_DOCUMENT_ERROR,
            "UnknownDocumentError",
            error.to_string(),
        ),
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        other => quotetune_error(py, other.to_string()),
    }
}
