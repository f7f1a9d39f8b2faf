//! Making an index of a published filter.

use std::path::PathBuf;

use pyo3::prelude::*;
use quotetune_core::filter_files::redis_bloom::import::{self, ImportOptions};
use quotetune_core::text::normalization::Normalization;

use crate::builder::Reporter;
use crate::error::usage_error;

/// Import the RedisBloom dump of a JSON header; `progress(done, total)` in bytes.
#[pyfunction]
#[pyo3(signature = (header, output, *, parts, n, normalization, overwrite, progress))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub fn import_bloom(
    py: Python<'_>,
    header: PathBuf,
    output: PathBuf,
    parts: Vec<PathBuf>,
    n: Option<usize>,
    normalization: &str,
    overwrite: bool,
    progress: Py<PyAny>,
) -> PyResult<()> {
    let known = Normalization::from_name(normalization);
    // No filter that others made is of folded text.
    let Some(normalization) = known.filter(|normalization| !normalization.folds()) else {
        let message = format!("normalization {normalization:?}; choose squash or none");
        return Err(usage_error(py, message));
    };
    let options = ImportOptions {
        parts,
        n,
        normalization,
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
