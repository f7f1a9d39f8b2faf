//! What an index says about texts that occur several times, and `_core.Duplicates`.

use std::sync::Arc;

use pyo3::prelude::*;
use quotetune_core::error::Result;
use quotetune_core::query::{self, RepeatedRange};

use crate::quote::QuoteSource;
use crate::signals::interruptible;
use crate::texts::ask;

/// Numbers of ranges, of their characters and of their documents; text, characters, count and documents of each text.
pub type RepeatsTuple = (
    usize,
    usize,
    usize,
    Vec<(String, usize, u64, Vec<QuoteSource>)>,
);

/// The copies of texts that come after the first one.
#[pyclass(frozen)]
pub struct Duplicates {
    index: Arc<query::Index>,
    found: query::Duplicates,
}

#[pymethods]
impl Duplicates {
    /// Return the spans of the document at a position in the order of the corpus, in normalised characters.
    fn spans(&self, py: Python<'_>, position: usize) -> PyResult<Vec<(usize, usize)>> {
        let found = py.detach(|| self.found.spans(&self.index, position));
        ask(py, &self.index, |_| found)
    }

    #[getter]
    fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Return the positions of the documents that must go, so that no two share a text.
    fn left_out(&self) -> Vec<u32> {
        self.found.left_out()
    }
}

/// Returns what repeats, as `Index.repeats` gives it to Python.
pub fn repeats(
    py: Python<'_>,
    index: &Arc<query::Index>,
    min_chars: usize,
    times: usize,
    most: usize,
    max_documents: usize,
) -> PyResult<RepeatsTuple> {
    let index = Arc::clone(index);
    interruptible(py, move |stop| {
        let repeats = index.repeats(min_chars, times, || stop.check())?;
        let mut ranges = repeats.ranges(&index).collect::<Result<Vec<_>>>()?;
        let chars = ranges.iter().map(|range| range.end - range.start).sum();
        let mut documents: Vec<_> = ranges.iter().map(RepeatedRange::place).collect();
        documents.dedup();
        let texts = repeats.longest(&index, &mut ranges, most, max_documents, || stop.check())?;
        index.check_whole()?;
        let texts = texts.into_iter().map(|text| {
            let documents = text.documents.iter().map(QuoteSource::found);
            (text.text, text.chars, text.count, documents.collect())
        });
        Ok((ranges.len(), chars, documents.len(), texts.collect()))
    })
}

/// Finds the texts that occur earlier in the corpus, too.
pub fn duplicates(
    py: Python<'_>,
    index: &Arc<query::Index>,
    min_chars: usize,
    documents: bool,
) -> PyResult<Duplicates> {
    let theirs = Arc::clone(index);
    let found = interruptible(py, move |stop| {
        let found = theirs.duplicates(min_chars, documents, || stop.check())?;
        theirs.check_whole()?;
        Ok(found)
    })?;
    Ok(Duplicates {
        index: Arc::clone(index),
        found,
    })
}
