//! `_core.Index`: an open index. It answers with numbers, arrays and tuples.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use quotetune_core::query::{self, Report, StoredDocument};

use crate::builder::RecordKeyTuple;
use crate::error::{to_python, usage_error};
use crate::quote::Quote;
use crate::repeats::{self, Duplicates, RepeatsTuple};
use crate::signals::interruptible;
use crate::texts::{ask, for_chunks_of_texts, for_each_text, lists_of_texts, texts, whole};

/// Source, id, text and metadata.
type DocumentTuple = (String, String, String, String);
/// Numerator, denominator, quotes, longest quote, covered runs.
type ReportTuple = (
    u64,
    u64,
    Option<Vec<Quote>>,
    Option<usize>,
    Vec<(usize, usize)>,
);

#[pyclass(frozen)]
pub struct Index {
    index: Arc<query::Index>,
}

#[pymethods]
impl Index {
    #[new]
    fn new(py: Python<'_>, name: PathBuf, members: Vec<PathBuf>) -> PyResult<Self> {
        let index = py.detach(|| query::Index::open_together(&name, &members));
        Ok(Self {
            index: Arc::new(index.map_err(|error| to_python(py, error))?),
        })
    }

    fn __len__(&self) -> usize {
        self.index.documents()
    }

    #[getter]
    fn n(&self) -> usize {
        self.index.n()
    }

    #[getter]
    fn normalization(&self) -> &str {
        self.index.normalization().name()
    }

    #[getter]
    fn structures(&self) -> Vec<&'static str> {
        self.index.structures()
    }

    /// Whether the index keeps the text and can find any string in it.
    #[getter]
    fn has_suffix_index(&self) -> bool {
        self.index.has_suffix_index()
    }

    /// N-grams of the corpus, duplicates counted.
    #[getter]
    fn ngrams(&self) -> u64 {
        self.index.ngrams()
    }

    #[getter]
    fn fpr(&self) -> f64 {
        self.index.fpr()
    }

    /// The fields of records that the documents were read from.
    #[getter]
    fn record_keys(&self) -> RecordKeyTuple {
        let keys = self.index.record_keys();
        (keys.text, keys.id, keys.source, keys.metadata)
    }

    /// Whether ids are the numbers of lines, whatever fields the records have.
    #[getter]
    fn numbered(&self) -> bool {
        self.index.record_keys().numbered
    }

    /// How sources were made of the names of files; None: by their stems.
    #[getter]
    fn identity(&self) -> Option<&str> {
        self.index.identity()
    }

    /// Raise an error if two documents have one source and id.
    fn check_identities(&self, py: Python<'_>) -> PyResult<()> {
        let index = Arc::clone(&self.index);
        interruptible(py, move |stop| index.check_identities(|| stop.check()))
    }

    fn quip<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        exact: bool,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let scores = for_each_text(py, &self.index, texts, move |index, _, text| {
            Ok(index.quip(text, exact)?.score().unwrap_or(f64::NAN))
        })?;
        Ok(scores.into_pyarray(py))
    }

    /// Return the numerator and the denominator of each text's QUIP, of shape (texts, 2).
    fn quip_counts<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        exact: bool,
    ) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let counts = for_each_text(py, &self.index, texts, move |index, _, text| {
            let quip = index.quip(text, exact)?;
            Ok([quip.numerator as i64, quip.denominator as i64])
        })?;
        Ok(Array2::from(counts).into_pyarray(py))
    }

    /// Return each text normalised, and for each of its windows whether it is in the corpus.
    fn windows<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        exact: bool,
    ) -> PyResult<Vec<(String, Bound<'py, PyArray1<bool>>)>> {
        let windows = for_each_text(py, &self.index, texts, move |index, _, text| {
            let (text, hits) = index.windows(text, exact)?;
            Ok((text.into_owned(), hits))
        })?;
        let windows = windows.into_iter();
        Ok(windows
            .map(|(text, hits)| (text, hits.into_pyarray(py)))
            .collect())
    }

    /// Return the QUIP of each text against the n-grams of its own list of (source, id).
    fn topic_quip<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        documents: Vec<Vec<(PyBackedStr, PyBackedStr)>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        if texts.len() != documents.len() {
            return Err(usage_error(
                py,
                format!(
                    "{} texts but {} lists of documents: give one list per text",
                    texts.len(),
                    documents.len()
                ),
            ));
        }
        // The last reference is dropped here, with the GIL.
        let documents = Arc::new(documents);
        let theirs = Arc::clone(&documents);
        let scores = for_each_text(py, &self.index, texts, move |index, position, text| {
            let identities = theirs[position]
                .iter()
                .map(|(source, id)| (&**source, &**id));
            let topic = index.topic(identities)?;
            let score = index.topic_quip(text, &topic).score();
            Ok(score.unwrap_or(f64::NAN))
        })?;
        Ok(scores.into_pyarray(py))
    }

    fn count<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        whole_words: bool,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let count = match whole_words {
            true => query::Index::word_counts,
            false => query::Index::counts,
        };
        let counts = for_chunks_of_texts(py, &self.index, texts, count)?;
        let counts: Vec<i64> = counts.into_iter().map(|count| count as i64).collect();
        Ok(counts.into_pyarray(py))
    }

    fn contains<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let answers = for_each_text(py, &self.index, texts, |index, _, text| {
            index.contains(text)
        })?;
        Ok(answers.into_pyarray(py))
    }

    /// Return the number of documents that contain a text of each clause, and the first of them.
    fn containing(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = lists_of_texts)] clauses: Vec<Vec<PyBackedStr>>,
        max_documents: usize,
    ) -> PyResult<(usize, Vec<DocumentTuple>)> {
        // The last reference is dropped here, with the GIL.
        let clauses = Arc::new(clauses);
        let (index, theirs) = (Arc::clone(&self.index), Arc::clone(&clauses));
        interruptible(py, move |_| {
            let mut clauses: Vec<Vec<&str>> = Vec::with_capacity(theirs.len());
            for clause in theirs.iter() {
                clauses.push(clause.iter().map(AsRef::as_ref).collect());
            }
            let found = index.containing(&clauses, max_documents)?;
            index.check_whole()?;
            let documents = found.documents.into_iter().map(document_tuple);
            Ok((found.count, documents.collect()))
        })
    }

    /// Return what repeats: the numbers of ranges, of their characters and of their documents, and the longest texts
    /// with their characters, counts and documents.
    fn repeats(
        &self,
        py: Python<'_>,
        min_chars: usize,
        times: usize,
        most: usize,
        max_documents: usize,
    ) -> PyResult<RepeatsTuple> {
        repeats::repeats(py, &self.index, min_chars, times, most, max_documents)
    }

    /// Find the texts that occur earlier in the corpus, too.
    fn duplicates(
        &self,
        py: Python<'_>,
        min_chars: usize,
        documents: bool,
    ) -> PyResult<Duplicates> {
        repeats::duplicates(py, &self.index, min_chars, documents)
    }

    fn trace(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        min_chars: usize,
        max_documents: usize,
    ) -> PyResult<Vec<Vec<Quote>>> {
        for_chunks_of_texts(py, &self.index, texts, move |index, texts| {
            let traces = index.traces(texts, min_chars, max_documents)?;
            Ok(traces.into_iter().map(quotes).collect())
        })
    }

    fn report(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = texts)] texts: Vec<PyBackedStr>,
        max_documents: usize,
        exact: bool,
    ) -> PyResult<Vec<ReportTuple>> {
        for_chunks_of_texts(py, &self.index, texts, move |index, texts| {
            let reports = index.reports(texts, max_documents, exact)?;
            Ok(reports.into_iter().map(report_tuple).collect())
        })
    }

    /// Return source, id, text and metadata of a document.
    fn document(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<DocumentTuple> {
        ask(py, &self.index, |index| {
            Ok(document_tuple(index.document(source, id)?))
        })
    }

    /// Find the first occurrence of a quote's text in a document, as a span of the document's text.
    fn find(
        &self,
        py: Python<'_>,
        source: &str,
        id: &str,
        quote: &str,
    ) -> PyResult<Option<(usize, usize)>> {
        let found = self.index.find(source, id, quote);
        found.map_err(|error| to_python(py, error))
    }

    /// Return source and id of some documents, from the one at a position in the order of the corpus on.
    fn names(
        &self,
        py: Python<'_>,
        position: usize,
        most: usize,
    ) -> PyResult<Vec<(String, String)>> {
        // The records may have to be read from the disk.
        py.detach(|| {
            let names = whole(&self.index, self.index.names(position, most))?;
            let owned = |(source, id): (&str, &str)| (source.to_owned(), id.to_owned());
            Ok(names.into_iter().map(owned).collect())
        })
        .map_err(|error| to_python(py, error))
    }

    fn has_document(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<bool> {
        ask(py, &self.index, |index| index.has_document(source, id))
    }

    /// Return the same as `document` for the one at a position in the order of the corpus; None after the last.
    fn document_at(&self, py: Python<'_>, position: usize) -> PyResult<Option<DocumentTuple>> {
        ask(py, &self.index, |index| {
            Ok(index.document_at(position)?.map(document_tuple))
        })
    }
}

impl Index {
    /// The index of the core.
    pub fn core(&self) -> &Arc<query::Index> {
        &self.index
    }
}

fn document_tuple(document: StoredDocument) -> DocumentTuple {
    (
        document.record.source.to_owned(),
        document.record.id.to_owned(),
        document.text.into_owned(),
        document.record.metadata.to_owned(),
    )
}

fn quotes(quotes: Vec<query::Quote>) -> Vec<Quote> {
    quotes.into_iter().map(Quote::from).collect()
}

fn report_tuple(report: Report) -> ReportTuple {
    (
        report.quip.numerator,
        report.quip.denominator,
        report.quotes.map(quotes),
        report.longest_quote,
        report.covered,
    )
}
