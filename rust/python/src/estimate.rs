//! What the dry run of a build needs: a build that is not made.

use std::path::PathBuf;

use pyo3::prelude::*;
use quotetune_core::build::amount::{self, Amount};
use quotetune_core::build::estimate::estimate;
use quotetune_core::build::options::BuildOptions;
use quotetune_core::store::header::Parameters;
use quotetune_core::store::output;
use quotetune_core::suffix::text_index::Suffixes;
use quotetune_core::text::ngram::NgramHasher;

use crate::arguments;
use crate::builder::{Row, documents_of};
use crate::documents::DocumentBatch;
use crate::error::to_python;

/// Documents, characters, bytes, distinct n-grams, bytes of records, anchors, and different bytes.
type AmountTuple = (u64, u64, u64, u64, u64, u64, usize);
/// Bytes of filter, text, documents and suffixes, then segments, passes, threads, and bytes of memory.
type EstimateTuple = (u64, u64, u64, u64, u64, u64, u64, u64);

/// Counts the documents of a sample.
#[pyclass]
pub struct Sampler(amount::Sampler);

#[pymethods]
impl Sampler {
    #[new]
    fn new(py: Python<'_>, n: i64, normalization: &str, keeps_text: bool) -> PyResult<Self> {
        let parameters = Parameters {
            n: NgramHasher::checked_n(n).map_err(|error| to_python(py, error))?,
            normalization: arguments::normalization(py, normalization)?,
        };
        Ok(Self(amount::Sampler::new(parameters, keeps_text)))
    }

    fn add(&mut self, py: Python<'_>, batch: &DocumentBatch) {
        py.detach(|| {
            for document in batch.documents() {
                self.0.add(document.clone());
            }
        });
    }

    fn add_rows(&mut self, py: Python<'_>, rows: Vec<Row>) {
        let documents = documents_of(rows, 0);
        py.detach(|| {
            for document in documents {
                self.0.add(document);
            }
        });
    }

    /// End a part of the sample that stands for `scale` times as much text as it has.
    fn end_part(&mut self, scale: f64) {
        self.0.end_part(scale);
    }

    /// The text that all parts stand for.
    fn amount(&self) -> AmountTuple {
        as_tuple(self.0.amount())
    }
}

fn as_tuple(amount: Amount) -> AmountTuple {
    (
        amount.documents,
        amount.characters,
        amount.bytes,
        amount.distinct_ngrams,
        amount.record_bytes,
        amount.anchors,
        amount.distinct_bytes,
    )
}

/// Text of one byte per character, with so many distinct n-grams.
#[pyfunction]
pub fn ascii_amount(
    py: Python<'_>,
    characters: u64,
    distinct_ngrams: u64,
    n: i64,
) -> PyResult<AmountTuple> {
    let n = NgramHasher::checked_n(n).map_err(|error| to_python(py, error))?;
    Ok(as_tuple(Amount::of_ascii(characters, distinct_ngrams, n)))
}

/// What a build of so much text would write and need.
#[pyfunction]
#[pyo3(signature = (amount, *, n, normalization, filter, suffixes, threads, segment_bytes, memory_limit))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub fn estimate_build(
    py: Python<'_>,
    amount: AmountTuple,
    n: i64,
    normalization: &str,
    filter: Option<arguments::Filter>,
    suffixes: Option<&str>,
    threads: usize,
    segment_bytes: u64,
    memory_limit: Option<u64>,
) -> PyResult<EstimateTuple> {
    let (documents, characters, bytes, distinct_ngrams, record_bytes, anchors, distinct_bytes) =
        amount;
    let amount = Amount {
        documents,
        characters,
        bytes,
        distinct_ngrams,
        record_bytes,
        anchors,
        distinct_bytes,
    };
    let options = BuildOptions {
        n: NgramHasher::checked_n(n).map_err(|error| to_python(py, error))?,
        normalization: arguments::normalization(py, normalization)?,
        filter: arguments::wanted_filter(py, filter)?,
        suffixes: suffixes.and_then(Suffixes::from_name),
        threads,
        segment_bytes,
        memory_limit,
        ..BuildOptions::default()
    };
    let estimate = estimate(&amount, &options).map_err(|error| to_python(py, error))?;
    Ok((
        estimate.filter,
        estimate.text,
        estimate.documents,
        estimate.suffixes,
        estimate.segments,
        estimate.passes,
        estimate.threads,
        estimate.memory,
    ))
}

/// Raise the error of a build that cannot write its index to a directory.
#[pyfunction]
pub fn check_output(py: Python<'_>, output: PathBuf, overwrite: bool) -> PyResult<()> {
    let checked = output::check(&output, overwrite);
    checked.map(drop).map_err(|error| to_python(py, error))
}
