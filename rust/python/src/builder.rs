//! `_core.Builder`: a build, driven from Python.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use quotetune_core::build::builder;
use quotetune_core::build::ingest::{self, Format, IngestOptions, Key, Keys, SourceName};
use quotetune_core::build::left_out::{BadRecord, BadRecords, Duplicates};
use quotetune_core::build::options::BuildOptions;
use quotetune_core::build::places::{Document, Numbering, Place};
use quotetune_core::change::{Addition, ChangeOptions};
use quotetune_core::error::{Error, Result};
use quotetune_core::progress::Progress;
use quotetune_core::reading::source::Input;
use quotetune_core::store::manifest::RecordKeys;
use quotetune_core::suffix::text_index::Suffixes;
use quotetune_core::text::ngram::NgramHasher;

use crate::arguments;
use crate::error::{to_python, usage_error};
use crate::waiting::{on_signal, raised};

/// Source, id, text, metadata as a JSON object, line.
pub type Row = (PyBackedStr, PyBackedStr, PyBackedStr, PyBackedStr, u64);
/// Fields of the text, the id and the source, and those of the metadata.
pub type RecordKeyTuple = (String, Option<String>, Option<String>, Vec<String>);

#[pyclass]
pub struct Builder {
    /// None once the build is finished or closed.
    builder: Option<builder::Builder>,
    /// The index that documents are added to, unless it is a new one.
    addition: Option<Addition>,
}

/// Calls `progress` with the GIL, after a check for Ctrl-C, and keeps what it raises.
pub struct Reporter {
    progress: Py<PyAny>,
    raised: Option<PyErr>,
}

impl Reporter {
    pub fn new(progress: Py<PyAny>) -> Self {
        Self {
            progress,
            raised: None,
        }
    }

    pub fn report(&mut self, done: u64, total: u64) -> Result<()> {
        let result = Python::attach(|py| {
            py.check_signals()?;
            self.progress.call1(py, (done, total))
        });
        result.map(drop).map_err(|error| {
            self.raised = Some(error);
            Error::Interrupted
        })
    }

    pub fn conclude<T>(self, py: Python<'_>, result: Result<T>) -> PyResult<T> {
        match self.raised {
            Some(error) => Err(error),
            None => result.map_err(|error| to_python(py, error)),
        }
    }
}

#[pymethods]
impl Builder {
    #[new]
    #[pyo3(signature = (output, *, n, normalization, filter, suffixes, threads, segment_bytes, memory_limit, overwrite, record_keys, numbered, duplicates, identity))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn new(
        py: Python<'_>,
        output: PathBuf,
        n: i64,
        normalization: &str,
        filter: Option<arguments::Filter>,
        suffixes: Option<&str>,
        threads: usize,
        segment_bytes: u64,
        memory_limit: Option<u64>,
        overwrite: bool,
        record_keys: RecordKeyTuple,
        numbered: bool,
        duplicates: &str,
        identity: Option<String>,
    ) -> PyResult<Self> {
        let suffixes = suffixes.and_then(Suffixes::from_name);
        let options = BuildOptions {
            n: NgramHasher::checked_n(n).map_err(|error| to_python(py, error))?,
            normalization: arguments::normalization(py, normalization)?,
            filter: arguments::wanted_filter(py, filter)?,
            suffixes,
            threads,
            segment_bytes,
            memory_limit,
            record_keys: from_tuple(record_keys, numbered),
            overwrite,
            duplicates: duplicates_from_name(py, duplicates)?,
            identity,
        };
        let builder = builder::Builder::create(&output, options);
        Ok(Self {
            builder: Some(builder.map_err(|error| to_python(py, error))?),
            addition: None,
        })
    }

    /// Return a build whose documents go into the index at `path`.
    #[staticmethod]
    #[pyo3(signature = (path, *, threads, segment_bytes, memory_limit, record_keys, numbered, duplicates))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn adding(
        py: Python<'_>,
        path: PathBuf,
        threads: usize,
        segment_bytes: u64,
        memory_limit: Option<u64>,
        record_keys: RecordKeyTuple,
        numbered: bool,
        duplicates: &str,
    ) -> PyResult<Self> {
        let options = ChangeOptions {
            threads,
            segment_bytes,
            memory_limit,
        };
        let keys = from_tuple(record_keys, numbered);
        let duplicates = duplicates_from_name(py, duplicates)?;
        let begun = py.detach(|| Addition::begin(&path, keys, duplicates, options));
        let (addition, builder) = begun.map_err(|error| to_python(py, error))?;
        Ok(Self {
            builder: Some(builder),
            addition: Some(addition),
        })
    }

    /// Name the next input of rows. Returns the number that `add` takes.
    fn input(&mut self, py: Python<'_>, name: &str) -> PyResult<u32> {
        Ok(self.open(py)?.input(name, Numbering::Lines))
    }

    /// Add rows (source, id, text, metadata as JSON, line) of an input.
    fn add(&mut self, py: Python<'_>, input: u32, rows: Vec<Row>) -> PyResult<()> {
        let builder = self.open(py)?;
        let documents = documents_of(rows, input);
        py.detach(|| builder.add(documents, BadRecords::Strict, Ok))
            .map_err(|error| to_python(py, error))
    }

    /// Leave out a row that is no document, for a reason that all rows of its kind share.
    fn skip(
        &mut self,
        py: Python<'_>,
        reason: String,
        place: String,
        remedy: String,
    ) -> PyResult<()> {
        let skipped = self.open(py)?.skip(place, BadRecord::new(reason, remedy));
        skipped.map_err(|error| to_python(py, error))
    }

    /// Each reason for which records were left out, how often it was met, and where first.
    fn skipped(&mut self, py: Python<'_>) -> PyResult<Vec<(String, u64, String)>> {
        Ok(self.open(py)?.left_out().to_vec())
    }

    /// Add the documents of a file, or of stdin for None; `progress(bytes read, 0)`. `lines`: only those of JSONL that
    /// begin at one of the bytes from the first to before the second.
    #[pyo3(signature = (path, *, format, default_source, id_prefix, text_id, text_key, id_key, numbered, source, source_key, metadata_keys, errors, lines, progress))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn add_file(
        &mut self,
        py: Python<'_>,
        path: Option<PathBuf>,
        format: &str,
        default_source: String,
        id_prefix: String,
        text_id: String,
        text_key: String,
        id_key: Option<String>,
        numbered: bool,
        source: Option<String>,
        source_key: Option<String>,
        metadata_keys: Vec<String>,
        errors: &str,
        lines: Option<(u64, u64)>,
        progress: Py<PyAny>,
    ) -> PyResult<()> {
        let names = (default_source, id_prefix, text_id);
        let keys = (text_key, id_key, source_key, metadata_keys);
        let options = IngestOptions {
            lines: lines.map(|(start, end)| start..end),
            ..ingest_options(py, format, names, keys, numbered, source, errors)?
        };
        let input = path.map_or(Input::Stdin, Input::File);
        let builder = self.open(py)?;
        let mut reporter = Reporter::new(progress);
        let result = py.detach(|| {
            ingest::ingest(builder, &input, &options, |bytes| reporter.report(bytes, 0))
        });
        if let Some(error) = raised(py) {
            return Err(error);
        }
        reporter.conclude(py, result)
    }

    /// Documents and normalised UTF-8 bytes so far, records skipped, and duplicates left out.
    fn counts(&mut self, py: Python<'_>) -> PyResult<(u64, u64, u64, u64)> {
        let counts = self.open(py)?.counts();
        let left_out = (counts.skipped_documents, counts.duplicate_documents);
        Ok((counts.documents, counts.bytes, left_out.0, left_out.1))
    }

    /// Return the metadata keys that are in no document so far.
    fn unseen_keys(&mut self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.open(py)?.unseen_keys().to_vec())
    }

    /// Build the structures and move the index to its place; `progress(done, total)` in bytes.
    fn finish(&mut self, py: Python<'_>, progress: Py<PyAny>) -> PyResult<()> {
        self.open(py)?;
        let mut reporter = Reporter::new(progress);
        let builder = self.builder.take();
        let addition = self.addition.take();
        let result = py.detach(|| {
            let report = |progress: Progress| reporter.report(progress.done, progress.total);
            match (builder, addition) {
                (Some(builder), Some(addition)) => addition.finish(builder, report),
                (Some(builder), None) => builder.finish(report),
                (None, _) => Err(Error::Interrupted),
            }
        });
        reporter.conclude(py, result.map(drop))
    }

    /// Give up the build, unless it is finished, and remove what it wrote.
    fn close(&mut self) {
        self.builder = None;
        self.addition = None;
    }
}

impl Builder {
    fn open(&mut self, py: Python<'_>) -> PyResult<&mut builder::Builder> {
        let builder = self.builder.as_mut();
        builder.ok_or_else(|| usage_error(py, "the build is finished or closed".to_owned()))
    }
}

/// Returns the documents of an input's rows. Their strings are copied while the GIL is held: it is costly to drop
/// Python's own without it.
pub fn documents_of(rows: Vec<Row>, input: u32) -> Vec<Document> {
    let document = |(source, id, text, metadata, line): Row| Document {
        source: source.to_string(),
        id: id.to_string(),
        text: text.to_string(),
        metadata: metadata.to_string(),
        place: Place { input, line },
    };
    rows.into_iter().map(document).collect()
}

/// Returns the options of reading a file. `names` are the default source, the start of default ids, and the id of a
/// text.
pub fn ingest_options(
    py: Python<'_>,
    format: &str,
    names: (String, String, String),
    keys: RecordKeyTuple,
    numbered: bool,
    source: Option<String>,
    errors: &str,
) -> PyResult<IngestOptions> {
    let Some(format) = Format::from_name(format) else {
        let message = format!("format {format:?}: choose jsonl or text");
        return Err(usage_error(py, message));
    };
    let Some(bad_records) = BadRecords::from_name(errors) else {
        let message = format!("errors {errors:?}: choose strict, replace or skip");
        return Err(usage_error(py, message));
    };
    let (text, id_key, source_key, metadata) = keys;
    let (default_source, id_prefix, text_id) = names;
    Ok(IngestOptions {
        format,
        keys: Keys {
            text,
            id: (!numbered).then(|| key(id_key, "id")),
            source: match source {
                Some(name) => SourceName::Fixed(name),
                None => SourceName::Key(key(source_key, "source")),
            },
            metadata,
        },
        default_source,
        id_prefix,
        text_id,
        bad_records,
        on_signal,
        lines: None,
    })
}

fn duplicates_from_name(py: Python<'_>, name: &str) -> PyResult<Duplicates> {
    Duplicates::from_name(name).ok_or_else(|| {
        let message = format!("duplicates {name:?}: choose error or first");
        usage_error(py, message)
    })
}

fn from_tuple((text, id, source, metadata): RecordKeyTuple, numbered: bool) -> RecordKeys {
    RecordKeys {
        text,
        id,
        source,
        metadata,
        numbered,
    }
}

/// Returns the key of a field. A field that the user named must be in every record; the usual one may be missing.
fn key(named: Option<String>, usual: &str) -> Key {
    Key {
        required: named.is_some(),
        name: named.unwrap_or_else(|| usual.to_owned()),
    }
}
