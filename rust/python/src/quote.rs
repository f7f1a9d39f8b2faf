//! `_core.Quote` and `_core.QuoteSource`: the answers of a trace, kept as Rust data until they are read.
//!
//! Traces of many texts make hundreds of thousands of them. As Python objects they would take a third of the time,
//! burden the garbage collector, and be made under the GIL, one thread at a time.

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use quotetune_core::query;

/// A document that contains a quote.
///
/// Attributes:
///     source: The document's source.
///     id: The document's id.
///     metadata: The document's metadata.
///     offset: Characters of the document's text before the first occurrence.
#[pyclass(frozen, module = "quotetune.results")]
pub struct QuoteSource {
    source: Box<str>,
    id: Box<str>,
    /// A JSON object, parsed when the metadata is read; None if Python gave the metadata.
    json: Option<Box<str>>,
    metadata: PyOnceLock<Py<PyAny>>,
    offset: usize,
}

impl QuoteSource {
    pub fn found(found: &query::QuoteSource) -> Self {
        Self {
            source: found.source.as_str().into(),
            id: found.id.as_str().into(),
            json: Some(found.metadata.as_str().into()),
            metadata: PyOnceLock::new(),
            offset: found.offset,
        }
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let metadata = self.metadata(py)?;
        (&*self.source, &*self.id, metadata, self.offset).into_pyobject(py)
    }
}

#[pymethods]
impl QuoteSource {
    #[classattr]
    fn __match_args__() -> (Name, Name, Name, Name) {
        ("source", "id", "metadata", "offset")
    }

    #[classattr]
    fn __dataclass_fields__(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        dataclass_fields("QuoteSource", Self::__match_args__().into_pyobject(py)?)
    }

    #[new]
    fn new(py: Python<'_>, source: &str, id: &str, metadata: Py<PyAny>, offset: usize) -> Self {
        Self {
            source: source.into(),
            id: id.into(),
            json: None,
            metadata: given(py, metadata),
            offset,
        }
    }

    /// The document's source.
    #[getter]
    fn source(&self) -> &str {
        &self.source
    }

    /// The document's id.
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    /// The document's metadata.
    #[getter]
    fn metadata(&self, py: Python<'_>) -> PyResult<&Py<PyAny>> {
        self.metadata
            .get_or_try_init(py, || match self.json.as_deref() {
                // Most documents have no metadata.
                None | Some("{}") => Ok(PyDict::new(py).into_any().unbind()),
                Some(json) => Ok(py
                    .import("quotetune.runtime.jsonl")?
                    .call_method1("parse_json", (json,))?
                    .unbind()),
            })
    }

    /// Characters of the document's text before the first occurrence.
    #[getter]
    fn offset(&self) -> usize {
        self.offset
    }

    fn __richcmp__<'py>(
        &self,
        other: &Bound<'py, PyAny>,
        comparison: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        match other.cast::<Self>() {
            Ok(other) => compare(&self.fields(py)?, &other.get().fields(py)?, comparison),
            Err(_) => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        represent(slf, &slf.get().fields(slf.py())?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        Ok((slf.get_type(), slf.get().fields(slf.py())?))
    }
}

/// A maximal verbatim span: with one more character on either side it is in no document.
///
/// Attributes:
///     start: First character, in the original text.
///     end: One past the last character, in the original text; a run of white space that
///         normalisation collapsed belongs to the quote whole.
///     text: The quoted text as the documents have it, normalised.
///     count: Occurrences in the corpus, including overlapping ones.
///     documents: The first documents that hold it, in the order of the corpus, each once.
#[pyclass(frozen, module = "quotetune.results")]
pub struct Quote {
    start: usize,
    end: usize,
    text: Box<str>,
    count: u64,
    /// Source of the list of documents, which is made when it is read.
    found: Vec<query::QuoteSource>,
    documents: PyOnceLock<Py<PyList>>,
}

impl From<query::Quote> for Quote {
    fn from(quote: query::Quote) -> Self {
        Self {
            start: quote.start,
            end: quote.end,
            text: quote.text.into(),
            count: quote.count,
            found: quote.documents,
            documents: PyOnceLock::new(),
        }
    }
}

impl Quote {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let documents = self.documents(py)?;
        (self.start, self.end, &*self.text, self.count, documents).into_pyobject(py)
    }
}

#[pymethods]
impl Quote {
    #[classattr]
    fn __match_args__() -> (Name, Name, Name, Name, Name) {
        ("start", "end", "text", "count", "documents")
    }

    #[classattr]
    fn __dataclass_fields__(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        dataclass_fields("Quote", Self::__match_args__().into_pyobject(py)?)
    }

    #[new]
    fn new(
        py: Python<'_>,
        start: usize,
        end: usize,
        text: &str,
        count: u64,
        documents: Py<PyList>,
    ) -> Self {
        Self {
            start,
            end,
            text: text.into(),
            count,
            found: Vec::new(),
            documents: given(py, documents),
        }
    }

    /// First character, in the original text.
    #[getter]
    fn start(&self) -> usize {
        self.start
    }

    /// One past the last character, in the original text.
    #[getter]
    fn end(&self) -> usize {
        self.end
    }

    /// The quoted text as the documents have it, normalised.
    #[getter]
    fn text(&self) -> &str {
        &self.text
    }

    /// Occurrences in the corpus, including overlapping ones.
    #[getter]
    fn count(&self) -> u64 {
        self.count
    }

    /// The first documents that hold it, in the order of the corpus, each once.
    #[getter]
    fn documents(&self, py: Python<'_>) -> PyResult<&Py<PyList>> {
        self.documents.get_or_try_init(py, || {
            let sources = self.found.iter().map(QuoteSource::found);
            Ok(PyList::new(py, sources.collect::<Vec<_>>())?.unbind())
        })
    }

    /// Give the quote as JSON can hold it.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let dataclasses = slf.py().import("dataclasses")?;
        dataclasses.call_method1("asdict", (slf,))
    }

    fn __richcmp__<'py>(
        &self,
        other: &Bound<'py, PyAny>,
        comparison: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        match other.cast::<Self>() {
            Ok(other) => compare(&self.fields(py)?, &other.get().fields(py)?, comparison),
            Err(_) => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        represent(slf, &slf.get().fields(slf.py())?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        Ok((slf.get_type(), slf.get().fields(slf.py())?))
    }
}

/// Name of a field.
type Name = &'static str;

/// The class of an object and the arguments of its constructor, from which pickle and copy make it.
type Reduced<'py> = (Bound<'py, PyType>, Bound<'py, PyTuple>);

/// Returns the fields that `asdict` and `replace` of Python's dataclasses use.
fn dataclass_fields<'py>(class: &str, names: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    let dataclasses = names.py().import("dataclasses")?;
    let alike = dataclasses.call_method1("make_dataclass", (class, names))?;
    alike.getattr("__dataclass_fields__")
}

/// Returns a cell that already holds its value.
fn given<T>(py: Python<'_>, value: T) -> PyOnceLock<T> {
    let cell = PyOnceLock::new();
    // The cell was empty.
    let _ = cell.set(py, value);
    cell
}

/// Compares two objects field by field, for equality only.
fn compare<'py>(
    fields: &Bound<'py, PyTuple>,
    others: &Bound<'py, PyTuple>,
    comparison: CompareOp,
) -> PyResult<Bound<'py, PyAny>> {
    match comparison {
        CompareOp::Eq | CompareOp::Ne => fields.rich_compare(others, comparison),
        _ => Ok(fields.py().NotImplemented().into_bound(fields.py())),
    }
}

/// Returns `Class(field=value, ...)`, in Python's notation.
fn represent(object: &Bound<'_, PyAny>, fields: &Bound<'_, PyTuple>) -> PyResult<String> {
    let class = object.get_type();
    let names: Vec<String> = class.getattr("__match_args__")?.extract()?;
    let mut shown = Vec::with_capacity(names.len());
    for (name, value) in names.iter().zip(fields) {
        shown.push(format!("{name}={}", value.repr()?));
    }
    Ok(format!("{}({})", class.name()?, shown.join(", ")))
}
