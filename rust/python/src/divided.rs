//! A Bloom filter that many processes fill, a stretch by each.

use std::path::PathBuf;

use pyo3::prelude::*;
use quotetune_core::change::{self, ChangeOptions};
use quotetune_core::filter::sizing::Sizing;

use crate::builder::Reporter;
use crate::error::to_python;

/// A filter with room for `expected_ngrams` that is filled in at most `most` stretches.
#[pyclass(frozen)]
#[derive(Clone, Copy)]
pub struct DividedFilter(pub change::DividedFilter);

#[pymethods]
impl DividedFilter {
    #[new]
    fn new(
        py: Python<'_>,
        bits_per_ngram: f64,
        expected_ngrams: u64,
        most: usize,
    ) -> PyResult<Self> {
        Sizing::new(bits_per_ngram, Some(expected_ngrams))
            .and_then(|sizing| change::DividedFilter::new(sizing, most))
            .map(Self)
            .map_err(|error| to_python(py, error))
    }

    fn __len__(&self) -> usize {
        self.0.count()
    }

    /// Write the hashes of an index's n-grams, by stretch. `progress(done, total)` in bytes.
    #[pyo3(signature = (index, output, *, threads, progress))]
    fn write_hashes(
        &self,
        py: Python<'_>,
        index: PathBuf,
        output: PathBuf,
        threads: usize,
        progress: Py<PyAny>,
    ) -> PyResult<()> {
        let mut reporter = Reporter::new(progress);
        let options = with_threads(threads);
        let result = py.detach(|| {
            self.0.write_hashes(&index, output, options, |progress| {
                reporter.report(progress.done, progress.total)
            })
        });
        reporter.conclude(py, result)
    }

    /// Fill a stretch, from 0, from files of hashes. `progress(done, total)` in files.
    #[pyo3(signature = (stretch, files, output, *, threads, progress))]
    fn fill(
        &self,
        py: Python<'_>,
        stretch: usize,
        files: Vec<PathBuf>,
        output: PathBuf,
        threads: usize,
        progress: Py<PyAny>,
    ) -> PyResult<()> {
        let mut reporter = Reporter::new(progress);
        let options = with_threads(threads);
        let result = py.detach(|| {
            self.0.fill(stretch, files, output, options, |progress| {
                reporter.report(progress.done, progress.total)
            })
        });
        reporter.conclude(py, result)
    }
}

fn with_threads(threads: usize) -> ChangeOptions {
    ChangeOptions {
        threads,
        ..ChangeOptions::default()
    }
}
