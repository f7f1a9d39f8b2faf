//! Functions that change an index, or merge several.

use std::path::PathBuf;

use pyo3::prelude::*;
use quotetune_core::change::{self, ChangeOptions};

use crate::builder::Reporter;
use crate::divided::DividedFilter;

fn options(threads: usize, segment_bytes: u64, memory_limit: Option<u64>) -> ChangeOptions {
    ChangeOptions {
        threads,
        segment_bytes,
        memory_limit,
    }
}

/// Remove documents of a source, or all of them for None. Returns their number. `progress(done, total)` in bytes.
#[pyfunction]
#[pyo3(signature = (path, source, ids, *, threads, segment_bytes, memory_limit, progress))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub fn remove(
    py: Python<'_>,
    path: PathBuf,
    source: &str,
    ids: Option<Vec<String>>,
    threads: usize,
    segment_bytes: u64,
    memory_limit: Option<u64>,
    progress: Py<PyAny>,
) -> PyResult<u64> {
    let mut reporter = Reporter::new(progress);
    let options = options(threads, segment_bytes, memory_limit);
    let result = py.detach(|| {
        change::remove(&path, source, ids.as_deref(), options, |progress| {
            reporter.report(progress.done, progress.total)
        })
    });
    reporter.conclude(py, result)
}

/// Merge neighbouring segments and make one filter of several; `progress(done, total)` in bytes.
#[pyfunction]
#[pyo3(signature = (path, *, threads, segment_bytes, memory_limit, progress))]
pub fn compact(
    py: Python<'_>,
    path: PathBuf,
    threads: usize,
    segment_bytes: u64,
    memory_limit: Option<u64>,
    progress: Py<PyAny>,
) -> PyResult<()> {
    let mut reporter = Reporter::new(progress);
    let options = options(threads, segment_bytes, memory_limit);
    let result = py.detach(|| {
        change::compact(&path, options, |progress| {
            reporter.report(progress.done, progress.total)
        })
    });
    reporter.conclude(py, result)
}

/// Make one index of several; `progress(done, total)` in bytes. `divided` is the filter of indexes without one, and
/// the files of its stretches.
#[pyfunction]
#[pyo3(signature = (paths, output, *, threads, segment_bytes, memory_limit, overwrite, divided, progress))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub fn merge(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    output: PathBuf,
    threads: usize,
    segment_bytes: u64,
    memory_limit: Option<u64>,
    overwrite: bool,
    divided: Option<(PyRef<'_, DividedFilter>, Vec<PathBuf>)>,
    progress: Py<PyAny>,
) -> PyResult<()> {
    let mut reporter = Reporter::new(progress);
    let options = options(threads, segment_bytes, memory_limit);
    let divided = divided.map(|(filter, files)| (filter.0, files));
    let result = py.detach(|| {
        change::merge(&paths, &output, overwrite, divided, options, |progress| {
            reporter.report(progress.done, progress.total)
        })
    });
    reporter.conclude(py, result.map(drop))
}
