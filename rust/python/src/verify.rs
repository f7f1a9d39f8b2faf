//! Functions on the files of an index that is not open.

use std::path::PathBuf;

use pyo3::prelude::*;
use quotetune_core::error::Error;
use quotetune_core::store::manifest::Manifest;
use quotetune_core::store::verify::verify;

use crate::error::to_python;

/// Return the manifest of the index at `path` as JSON.
#[pyfunction]
pub fn read_manifest(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let manifest = Manifest::read(&path).map_err(|error| to_python(py, error))?;
    Ok(manifest.to_json())
}

/// Return the bytes of all files that the manifest of the index at `path` names.
#[pyfunction]
pub fn bytes_of_files(py: Python<'_>, path: PathBuf) -> PyResult<u64> {
    let manifest = Manifest::read(&path).map_err(|error| to_python(py, error))?;
    Ok(manifest.files().map(|file| file.size).sum())
}

/// Read every file of the index at `path`. Returns (path, what is wrong) for each damaged file.
///
/// Calls `progress` with the bytes read since the last call.
#[pyfunction]
pub fn check_files(
    py: Python<'_>,
    path: PathBuf,
    progress: Py<PyAny>,
) -> PyResult<Vec<(PathBuf, String)>> {
    let mut raised = None;
    let result = py.detach(|| {
        verify(&path, |bytes| {
            Python::attach(|py| {
                py.check_signals()?;
                progress.call1(py, (bytes,))
            })
            .map(drop)
            .map_err(|error| {
                raised = Some(error);
                Error::Interrupted
            })
        })
    });
    match (raised, result) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(to_python(py, error)),
        (None, Ok(damages)) => Ok(damages
            .into_iter()
            .map(|damage| (damage.path, damage.what))
            .collect()),
    }
}
