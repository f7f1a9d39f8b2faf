//! Lists of `str` as slices that remain valid without the GIL.

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyString;
use rayon::prelude::*;

use quotetune_core::error::Result;

use crate::error::{quotetune_error, to_python, usage_error};
use crate::pool::pool;

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
        .map(|(position, value)| text(&value?, position))
        .collect()
}

/// Answers for some texts at a time, without the GIL, and in parallel if there are several.
pub fn for_chunks_of_texts<T: Send>(
    py: Python<'_>,
    texts: &[PyBackedStr],
    answer: impl Fn(&[&str]) -> Result<Vec<T>> + Sync,
) -> PyResult<Vec<T>> {
    let together = |texts: &[PyBackedStr]| {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        answer(&texts)
    };
    let answers: Result<Vec<Vec<T>>> = py.detach(|| {
        if let [_] = texts {
            return Ok(vec![together(texts)?]);
        }
        let pool = pool();
        let share = texts.len().div_ceil(pool.current_num_threads());
        let chunks = texts.par_chunks(share.clamp(1, MOST_TOGETHER));
        pool.install(|| chunks.map(together).collect())
    });
    let answers = answers.map_err(|error| to_python(py, error))?;
    Ok(answers.into_iter().flatten().collect())
}

/// Answers for each text, without the GIL, and in parallel if there are several.
pub fn for_each_text<T: Send>(
    py: Python<'_>,
    texts: &[PyBackedStr],
    answer: impl Fn(usize, &str) -> Result<T> + Sync,
) -> PyResult<Vec<T>> {
    let answers: Result<Vec<T>> = py.detach(|| match texts {
        [] => Ok(Vec::new()),
        [text] => Ok(vec![answer(0, text)?]),
        _ => pool().install(|| {
            let texts = texts.par_iter().enumerate();
            texts
                .map(|(position, text)| answer(position, text))
                .collect()
        }),
    });
    answers.map_err(|error| to_python(py, error))
}
