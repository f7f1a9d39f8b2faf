//! `_core.open_text` and `_core.open_records`: the files of the readers that are written in Python.

use std::io::Read;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quotetune_core::build::places::Numbering;
use quotetune_core::error::{Error, Result};
use quotetune_core::reading::fault::explain;
use quotetune_core::reading::opener::{Opening, Text};
use quotetune_core::reading::records;
use quotetune_core::reading::source::Input;

use crate::error::{quotetune_error, to_python};
use crate::waiting::{on_signal, raised};

/// Bytes between two looks for Ctrl-C.
const STEP: u64 = 8 << 20;

/// An open file of text; its bytes are decompressed, and UTF-8 as far as they are text.
#[pyclass]
pub struct TextFile {
    text: Text,
}

#[pymethods]
impl TextFile {
    /// Read at most `size` bytes, all for a negative number; none at the end.
    #[pyo3(signature = (size = -1))]
    fn read<'py>(&mut self, py: Python<'py>, size: i64) -> PyResult<Bound<'py, PyBytes>> {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            let step = STEP.min(size - bytes.len() as u64);
            let text = &mut self.text;
            let read = without_gil(py, || {
                let read = (&mut text.bytes).take(step).read_to_end(&mut bytes);
                read.map_err(|error| explain(&text.name, &error))
            })?;
            if read == 0 {
                break;
            }
            py.check_signals()?;
        }
        Ok(PyBytes::new(py, &bytes))
    }

    /// Bytes taken from the disk so far, before decompression.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.text.bytes_read()
    }
}

/// The records of a file: lines that are not blank, or the elements of an array.
#[pyclass]
pub struct Records {
    records: records::Records,
}

#[pymethods]
impl Records {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// The number of a record, from 1, and its bytes.
    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<(u64, Bound<'py, PyBytes>)>> {
        loop {
            let records = &mut self.records;
            let Some(record) = without_gil(py, || records.next_record())? else {
                return Ok(None);
            };
            if record.is_too_long {
                let place = self.place(record.number);
                let what = "a record of more than 2 GiB: split it";
                return Err(quotetune_error(py, format!("{place}: {what}")));
            }
            if self.records.is_array() || !record.bytes.trim_ascii().is_empty() {
                let bytes = PyBytes::new(py, &record.bytes);
                return Ok(Some((record.number, bytes)));
            }
        }
    }

    /// How messages name the place of a record.
    fn place(&self, number: u64) -> String {
        let numbering = match self.records.is_array() {
            true => Numbering::Objects,
            false => Numbering::Lines,
        };
        numbering.show(&self.records.text().name, number)
    }

    /// Bytes taken from the disk so far, before decompression.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.records.text().bytes_read()
    }
}

/// Open a file of text, or stdin for None, whatever its name.
#[pyfunction]
#[pyo3(signature = (path, memory_limit = None))]
pub fn open_text(
    py: Python<'_>,
    path: Option<PathBuf>,
    memory_limit: Option<u64>,
) -> PyResult<TextFile> {
    let text = open(py, path, memory_limit)?;
    Ok(TextFile { text })
}

/// Open a file of JSON records, or stdin for None, whatever its name.
#[pyfunction]
#[pyo3(signature = (path, memory_limit = None))]
pub fn open_records(
    py: Python<'_>,
    path: Option<PathBuf>,
    memory_limit: Option<u64>,
) -> PyResult<Records> {
    let text = open(py, path, memory_limit)?;
    let records = without_gil(py, || records::Records::new(text))?;
    Ok(Records { records })
}

fn open(py: Python<'_>, path: Option<PathBuf>, memory_limit: Option<u64>) -> PyResult<Text> {
    let input = path.map_or(Input::Stdin, Input::File);
    let opening = Opening {
        memory_limit,
        on_signal,
    };
    without_gil(py, || Text::open(&input, opening))
}

/// Do `work` without the GIL; what a signal raised meanwhile is its error.
fn without_gil<T: Send>(py: Python<'_>, work: impl Send + FnOnce() -> Result<T>) -> PyResult<T> {
    let result: std::result::Result<T, Error> = py.detach(work);
    match raised(py) {
        Some(error) => Err(error),
        None => result.map_err(|error| to_python(py, error)),
    }
}
