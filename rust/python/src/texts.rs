//! Lists of `str` as slices that remain valid without the GIL, and the one way to ask an index about them.

use std::sync::Arc;

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyString;
use quotetune_core::error::Result;
use quotetune_core::query::Index;
use rayon::prelude::*;

use crate::error::{quotetune_error, to_python, usage_error};
use crate::pool::pool;
use crate::signals::interruptible;

/// Bytes of a text that is looked up on the calling thread. Such a text takes less than about a second even if each
/// lookup waits for the disk, and to wake another thread would take as long as a lookup from memory.
const SHORT: usize = 1 << 14;
/// Texts that are taken from Python between two looks for Ctrl-C.
const LOOK_EVERY: usize = 64;
/// Texts per chunk: enough to wait for memory together, few enough to keep all threads busy.
const MOST_TOGETHER: usize = 128;

/// Returns the UTF-8 of a `str`, without a copy.
pub fn text(value: &Bound<'_, PyAny>, position: usize) -> PyResult<PyBackedStr> {
    value.extract::<PyBackedStr>().map_err(|error| {
        let py = value.py();
        if error.is_instance_of::<PyUnicodeEncodeError>(py) {
            return quotetune_error(
                py,
                format!(
                    "text {position}: it holds a lone surrogate, which UTF-8 cannot encode: replace \
                     it, as with text.encode(errors='replace').decode()"
                ),
            );
        }
        let kind = value.get_type();
        usage_error(
            py,
            format!("text {position}: expected str, got {kind}: give a list of str"),
        )
    })
}

pub fn texts(values: &Bound<'_, PyAny>) -> PyResult<Vec<PyBackedStr>> {
    if values.is_instance_of::<PyString>() {
        return Err(usage_error(
            values.py(),
            "texts is one str: give a list of str".to_owned(),
        ));
    }
    values
        .try_iter()?
        .enumerate()
        .map(|(position, value)| {
            if position % LOOK_EVERY == 0 {
                values.py().check_signals()?;
            }
            text(&value?, position)
        })
        .collect()
}

/// Takes lists of `str`.
pub fn lists_of_texts(values: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<PyBackedStr>>> {
    values.try_iter()?.map(|value| texts(&value?)).collect()
}

/// Answers for some texts at a time, without the GIL, and in parallel if there are several.
pub fn for_chunks_of_texts<T: Send + 'static>(
    py: Python<'_>,
    index: &Arc<Index>,
    texts: Vec<PyBackedStr>,
    answer: impl Fn(&Index, &[&str]) -> Result<Vec<T>> + Send + Sync + 'static,
) -> PyResult<Vec<T>> {
    let together = match texts.len() {
        0 | 1 => 1,
        several => several
            .div_ceil(pool().current_num_threads())
            .min(MOST_TOGETHER),
    };
    let answers = for_chunks(py, index, texts, together, move |index, _, texts| {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        answer(index, &texts)
    });
    Ok(answers?.into_iter().flatten().collect())
}

/// Answers for each text, without the GIL, and in parallel if there are several.
pub fn for_each_text<T: Send + 'static>(
    py: Python<'_>,
    index: &Arc<Index>,
    texts: Vec<PyBackedStr>,
    answer: impl Fn(&Index, usize, &str) -> Result<T> + Send + Sync + 'static,
) -> PyResult<Vec<T>> {
    for_chunks(py, index, texts, 1, move |index, position, texts| {
        answer(index, position, &texts[0])
    })
}

/// Answers for `together` texts at a time. The second argument of `answer` is the position of the first of them.
fn for_chunks<T: Send + 'static>(
    py: Python<'_>,
    index: &Arc<Index>,
    texts: Vec<PyBackedStr>,
    together: usize,
    answer: impl Fn(&Index, usize, &[PyBackedStr]) -> Result<T> + Send + Sync + 'static,
) -> PyResult<Vec<T>> {
    let is_short = matches!(texts.as_slice(), [text] if text.len() <= SHORT);
    if is_short || texts.is_empty() {
        let answers = py.detach(|| {
            let chunks = texts.chunks(together);
            whole(index, chunks.map(|texts| answer(index, 0, texts)).collect())
        });
        return answers.map_err(|error| to_python(py, error));
    }
    // The last reference is dropped here, with the GIL. To drop strings without it is slow.
    let texts = Arc::new(texts);
    let (index, theirs) = (Arc::clone(index), Arc::clone(&texts));
    interruptible(py, move |stop| {
        let chunks = theirs.par_chunks(together).enumerate();
        let answers = chunks.map(|(number, texts)| {
            stop.check()?;
            answer(&index, number * together, texts)
        });
        whole(&index, answers.collect())
    })
}

/// Asks a question that takes no time.
pub fn ask<T>(
    py: Python<'_>,
    index: &Index,
    question: impl FnOnce(&Index) -> Result<T>,
) -> PyResult<T> {
    whole(index, question(index)).map_err(|error| to_python(py, error))
}

/// Passes on an answer of an index unless one of its files was cut meanwhile.
pub fn whole<T>(index: &Index, answer: Result<T>) -> Result<T> {
    index.check_whole()?;
    answer
}
