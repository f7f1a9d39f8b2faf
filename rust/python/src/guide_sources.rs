//! `_core.Vocabulary` and `_core.Texts`: what a guide is made of, besides an index.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use quotetune_core::error::Result;
use quotetune_core::guide;

use crate::arguments::normalization;
use crate::error::to_python;
use crate::index::Index;
use crate::texts::texts;

#[pyclass(frozen)]
pub struct Vocabulary {
    pub(crate) vocabulary: Arc<guide::vocabulary::Vocabulary>,
}

#[pymethods]
impl Vocabulary {
    #[new]
    fn new(tokens: Vec<Option<PyBackedBytes>>) -> Self {
        let bytes = tokens.iter().map(|token| token.as_deref().unwrap_or(b""));
        Self {
            vocabulary: Arc::new(guide::vocabulary::Vocabulary::new(bytes)),
        }
    }

    fn __len__(&self) -> usize {
        self.vocabulary.len()
    }
}

#[pyclass(frozen)]
pub struct Texts {
    pub(crate) texts: Arc<guide::texts::Texts>,
}

#[pymethods]
impl Texts {
    #[new]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        normalization: &str,
    ) -> PyResult<Self> {
        let normalization = self::normalization(py, normalization)?;
        let given: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let made = py.detach(|| guide::texts::Texts::new(&given, normalization));
        Self::made(py, made)
    }

    /// Index documents of an index, as they are in it.
    #[staticmethod]
    fn of_documents(
        py: Python<'_>,
        index: &Index,
        documents: Vec<(PyBackedStr, PyBackedStr)>,
    ) -> PyResult<Self> {
        let index = index.core();
        let made = py.detach(|| {
            let text =
                |(source, id): &(PyBackedStr, PyBackedStr)| index.normalized_text(source, id);
            let texts: Vec<&str> = documents.iter().map(text).collect::<Result<_>>()?;
            let made = guide::texts::Texts::of_normalized(&texts, index.normalization());
            index.check_whole()?;
            made
        });
        Self::made(py, made)
    }
}

impl Texts {
    fn made(py: Python<'_>, made: Result<guide::texts::Texts>) -> PyResult<Self> {
        let texts = Arc::new(made.map_err(|error| to_python(py, error))?);
        Ok(Self { texts })
    }
}
