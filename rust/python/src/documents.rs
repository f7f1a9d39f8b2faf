//! `_core.Documents`: the documents of a file in batches, each with the bytes that it was read from.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quotetune_core::build::ingest::{DocumentReader, Record};
use quotetune_core::reading::source::Input;
use rayon::prelude::*;

use crate::builder::{RecordKeyTuple, ingest_options};
use crate::error::to_python;
use crate::pool::pool;
use crate::waiting::raised;

/// The numbers of records, their bytes, the sources, ids and texts of their documents; and the records that are no
/// document: place, reason, message.
type Batch = (
    Vec<u64>,
    Vec<Py<PyBytes>>,
    Vec<String>,
    Vec<String>,
    Vec<String>,
    Vec<(String, String, String)>,
);

#[pyclass]
pub struct Documents {
    reader: DocumentReader,
}

#[pymethods]
impl Documents {
    /// Open a file, or stdin for None.
    #[new]
    #[pyo3(signature = (path, *, format, default_source, id_prefix, text_id, record_keys, numbered, source, errors))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        format: &str,
        default_source: String,
        id_prefix: String,
        text_id: String,
        record_keys: RecordKeyTuple,
        numbered: bool,
        source: Option<String>,
        errors: &str,
    ) -> PyResult<Self> {
        let names = (default_source, id_prefix, text_id);
        let options = ingest_options(py, format, names, record_keys, numbered, source, errors)?;
        let input = path.map_or(Input::Stdin, Input::File);
        let opened = py.detach(|| DocumentReader::open(&input, options));
        if let Some(error) = raised(py) {
            return Err(error);
        }
        let reader = opened.map_err(|error| to_python(py, error))?;
        Ok(Self { reader })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let reader = &mut self.reader;
        let records = py.detach(|| {
            let Some(batch) = reader.next_batch()? else {
                return Ok(None);
            };
            let reader: &DocumentReader = reader;
            let parse = |raw| reader.parse(raw);
            let records: Vec<Record> = pool().install(|| match batch.len() {
                1 => batch.into_iter().map(parse).collect(),
                _ => batch.into_par_iter().map(parse).collect(),
            });
            Ok(Some(records))
        });
        if let Some(error) = raised(py) {
            return Err(error);
        }
        let records = records.map_err(|error| to_python(py, error))?;
        Ok(records.map(|records| self.columns(py, records)))
    }

    /// Whether the records are the elements of one array.
    #[getter]
    fn is_array(&self) -> bool {
        self.reader.is_array()
    }

    /// Bytes taken from the disk so far, before decompression.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.reader.bytes_read()
    }

    /// How messages name the place of a record.
    fn place(&self, number: u64) -> String {
        self.reader.place(number)
    }
}

impl Documents {
    fn columns(&self, py: Python<'_>, records: Vec<Record>) -> Batch {
        let mut batch = Batch::default();
        let (numbers, bytes, sources, ids, texts, bad) = &mut batch;
        for Record { mut raw, document } in records {
            match document {
                Ok(document) => {
                    if raw.has_line_end {
                        raw.bytes.push(b'\n');
                    }
                    numbers.push(raw.number);
                    bytes.push(PyBytes::new(py, &raw.bytes).unbind());
                    sources.push(document.source);
                    ids.push(document.id);
                    texts.push(document.text);
                }
                Err((number, fault)) => {
                    let place = self.reader.place(number);
                    let reason = fault.reason.clone();
                    bad.push((place.clone(), reason, fault.at(place).to_string()));
                }
            }
        }
        batch
    }
}
