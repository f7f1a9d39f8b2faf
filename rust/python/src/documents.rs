//! `_core.Documents`: the documents of a file in batches, each with the bytes that it was read from.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quotetune_core::build::ingest::{DocumentReader, IngestOptions, Record};
use quotetune_core::build::left_out::BadRecord;
use quotetune_core::build::places::Document;
use quotetune_core::error::Result;
use quotetune_core::query;
use quotetune_core::reading::lines::RawRecord;
use quotetune_core::reading::source::Input;
use rayon::prelude::*;

use crate::builder::{RecordKeyTuple, ingest_options};
use crate::error::to_python;
use crate::index::Index;
use crate::pool::pool;
use crate::waiting::raised;

/// Place, reason and message of a record that is no document.
type Bad = (String, String, String);

#[pyclass]
pub struct Documents {
    reader: DocumentReader,
    /// The indexes whose n-grams are looked for.
    indexes: Vec<Arc<query::Index>>,
}

/// Documents in the order of their file.
#[pyclass(frozen)]
pub struct DocumentBatch {
    documents: Vec<Read>,
}

impl DocumentBatch {
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().map(|read| &read.document)
    }
}

struct Read {
    raw: RawRecord,
    document: Document,
    /// Whether an n-gram of the text is in one of the indexes.
    is_touched: bool,
}

#[pymethods]
impl Documents {
    /// Open a file, or stdin for None. `part`: only the lines of JSONL that begin from a byte, which begins one, to
    /// before another.
    #[new]
    #[pyo3(signature = (path, *, format, default_source, id_prefix, text_id, record_keys, numbered, source, errors, indexes, part=None))]
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
        indexes: Vec<PyRef<'_, Index>>,
        part: Option<(u64, u64)>,
    ) -> PyResult<Self> {
        let names = (default_source, id_prefix, text_id);
        let options = IngestOptions {
            lines: part.map(|(start, end)| 0..end.saturating_sub(start)),
            ..ingest_options(py, format, names, record_keys, numbered, source, errors)?
        };
        let input = match (path, part) {
            (None, _) => Input::Stdin,
            (Some(path), None) => Input::File(path),
            (Some(path), Some((start, _))) => Input::Rest(path, start),
        };
        let opened = py.detach(|| DocumentReader::open(&input, options));
        if let Some(error) = raised(py) {
            return Err(error);
        }
        Ok(Self {
            reader: opened.map_err(|error| to_python(py, error))?,
            indexes: indexes
                .iter()
                .map(|index| Arc::clone(index.core()))
                .collect(),
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// The next documents, and the records between them that are none.
    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<(DocumentBatch, Vec<Bad>)>> {
        let batch = py.detach(|| self.next_batch());
        match raised(py) {
            Some(error) => Err(error),
            None => batch.map_err(|error| to_python(py, error)),
        }
    }

    /// Whether the records are the elements of one array.
    #[getter]
    fn is_array(&self) -> bool {
        self.reader.is_array()
    }

    /// Whether reading can start at any line.
    #[getter]
    fn is_cuttable(&self) -> bool {
        self.reader.is_cuttable()
    }

    /// Bytes taken from the disk so far, before decompression.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.reader.bytes_read()
    }
}

impl Documents {
    fn next_batch(&mut self) -> Result<Option<(DocumentBatch, Vec<Bad>)>> {
        let Some(batch) = self.reader.next_batch()? else {
            return Ok(None);
        };
        let (reader, indexes) = (&self.reader, &self.indexes);
        // A text is looked up right after it was read, while it is in the cache.
        let read = |raw| -> Result<std::result::Result<Read, (u64, BadRecord)>> {
            let Record { raw, document } = reader.parse(raw);
            let document = match document {
                Ok(document) => document,
                Err(bad) => return Ok(Err(bad)),
            };
            let mut is_touched = false;
            for index in indexes {
                is_touched = is_touched || index.quip(&document.text, false)?.numerator > 0;
            }
            Ok(Ok(Read {
                raw,
                document,
                is_touched,
            }))
        };
        let records: Vec<_> = pool().install(|| match batch.len() {
            1 => batch.into_iter().map(read).collect::<Result<_>>(),
            _ => batch.into_par_iter().map(read).collect::<Result<_>>(),
        })?;
        for index in indexes {
            index.check_whole()?;
        }
        let mut documents = Vec::with_capacity(records.len());
        let mut bad = Vec::new();
        for record in records {
            match record {
                Ok(document) => documents.push(document),
                Err((number, fault)) => {
                    let (place, reason) = (reader.place(number), fault.reason.clone());
                    bad.push((place.clone(), reason, fault.at(place).to_string()));
                }
            }
        }
        Ok(Some((DocumentBatch { documents }, bad)))
    }
}

#[pymethods]
impl DocumentBatch {
    fn __len__(&self) -> usize {
        self.documents.len()
    }

    /// The place, source, id and text of a document.
    fn document(&self, position: usize) -> PyResult<(u64, &str, &str, &str)> {
        let read = self.documents.get(position);
        let Read { raw, document, .. } =
            read.ok_or_else(|| PyIndexError::new_err("no such document"))?;
        Ok((raw.number, &document.source, &document.id, &document.text))
    }

    /// The positions of the documents that have n-grams of the indexes.
    fn touched(&self) -> Vec<usize> {
        let read = self.documents.iter().enumerate();
        read.filter_map(|(position, read)| read.is_touched.then_some(position))
            .collect()
    }

    /// The bytes of the records from a position to before another one, with their line ends.
    fn records<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        end: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let read = self.documents.get(start..end);
        let read = read.ok_or_else(|| PyIndexError::new_err("no such documents"))?;
        let mut bytes = Vec::with_capacity(read.iter().map(|read| read.raw.bytes.len() + 1).sum());
        for read in read {
            bytes.extend_from_slice(&read.raw.bytes);
            if read.raw.has_line_end {
                bytes.push(b'\n');
            }
        }
        Ok(PyBytes::new(py, &bytes))
    }
}
