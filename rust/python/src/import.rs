//! Makes an index of a published filter.

use std::path::PathBuf;

use pyo3::prelude::*;
use quotetune_core::filter_files::redis_bloom::import::{self, ImportOptions};
use quotetune_core::text::ngram::NgramHasher;

use crate::arguments;
use crate::builder::Reporter;
use crate::error::to_python;

/// Import the RedisBloom dump that a JSON header describes; `progress(done, total)` in bytes.
#[pyfunction]
#[pyo3(signature = (header, output, *, parts, n, normalization, overwrite, progress))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub fn import_bloom(
    py: Python<'_>,
    header: PathBuf,
    output: PathBuf,
    parts: Vec<PathBuf>,
    n: Option<i64>,
    normalization: &str,
    overwrite: bool,
    progress: Py<PyAny>,
) -> PyResult<()> {
    let n = n.map(NgramHasher::checked_n).transpose();
    let options = ImportOptions {
        parts,
        n: n.map_err(|error| to_python(py, error))?,
        normalization: arguments::normalization(py, normalization)?,
        overwrite,
    };
    let mut reporter = Reporter::new(progress);
    let result = py.detach(|| {
        import::import(&header, &output, &options, |progress| {
            reporter.report(progress.done, progress.total)
        })
    });
    reporter.conclude(py, result.map(drop))
}
