//! `_core.Guide`: how long a quote each next token of a response continues.

use std::sync::{Arc, Mutex, PoisonError};

use numpy::ndarray::Array2;
use numpy::{AllowTypeChange, IntoPyArray, PyArray1, PyArray2, PyArrayLike2};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyBytes;
use quotetune_core::error::Result;
use quotetune_core::guide;
use quotetune_core::guide::corpus::Corpus;
use quotetune_core::guide::response::Response;
use rayon::prelude::*;

use crate::error::{to_python, usage_error};
use crate::guide_sources::{Texts, Vocabulary};
use crate::index::Index;
use crate::pool::pool;
use crate::signals::interruptible;

/// Candidates that are answered on the calling thread. To wake another one takes about as long as they do.
const FEW: usize = 128;
/// Responses per piece of work, at most: enough to wait for memory together, few enough to stay in the cache.
const MOST_TOGETHER: usize = 32;

#[derive(FromPyObject)]
enum Source<'py> {
    Index(PyRef<'py, Index>),
    Texts(PyRef<'py, Texts>),
}

#[pyclass(frozen)]
pub struct Guide {
    guide: Arc<guide::Guide>,
}

#[pymethods]
impl Guide {
    #[new]
    fn new(
        py: Python<'_>,
        source: Source<'_>,
        vocabulary: &Vocabulary,
        min_chars: usize,
        max_chars: usize,
    ) -> PyResult<Self> {
        let corpus = match source {
            Source::Index(index) => Corpus::Index(Arc::clone(index.core())),
            Source::Texts(texts) => Corpus::Texts(Arc::clone(&texts.texts)),
        };
        let vocabulary = Arc::clone(&vocabulary.vocabulary);
        let guide = guide::Guide::new(corpus, vocabulary, min_chars, max_chars);
        Ok(Self {
            guide: Arc::new(guide.map_err(|error| to_python(py, error))?),
        })
    }

    fn state(&self) -> GuideState {
        GuideState {
            so_far: Mutex::new(SoFar {
                response: self.guide.response(),
                tokens: Vec::new(),
            }),
            guide: Arc::clone(&self.guide),
        }
    }
}

/// A response and its tokens.
#[derive(Clone)]
struct SoFar {
    response: Response,
    tokens: Vec<i64>,
}

/// A response that no longer changes, with its guide.
type Snapshot = (Arc<guide::Guide>, Response);

#[pyclass(frozen)]
pub struct GuideState {
    guide: Arc<guide::Guide>,
    so_far: Mutex<SoFar>,
}

#[pymethods]
impl GuideState {
    /// Take the next tokens of the response.
    fn advance(&self, py: Python<'_>, tokens: Vec<i64>) -> PyResult<()> {
        let mut so_far = self.so_far();
        self.take(py, &mut so_far, &tokens)
    }

    /// Take all tokens of the response, of which some may be known.
    fn follow(&self, py: Python<'_>, tokens: Vec<i64>) -> PyResult<()> {
        let mut so_far = self.so_far();
        if let Some(new) = tokens.strip_prefix(so_far.tokens.as_slice()) {
            return self.take(py, &mut so_far, new);
        }
        let mut anew = SoFar {
            response: self.guide.response(),
            tokens: Vec::with_capacity(tokens.len()),
        };
        self.take(py, &mut anew, &tokens)?;
        *so_far = anew;
        Ok(())
    }

    /// Take bytes that are no tokens.
    fn push(&self, bytes: &[u8]) {
        self.so_far().response.push(bytes);
    }

    /// Characters of the text, as far as it is known, with white space at its end and without.
    #[getter]
    fn chars(&self) -> (usize, usize) {
        self.so_far().response.chars()
    }

    fn copy(&self) -> Self {
        Self {
            guide: Arc::clone(&self.guide),
            so_far: Mutex::new(self.so_far().clone()),
        }
    }

    #[getter]
    fn tokens(&self) -> Vec<i64> {
        self.so_far().tokens.clone()
    }
}

impl GuideState {
    fn so_far(&self) -> std::sync::MutexGuard<'_, SoFar> {
        // The lock is never held while anything else waits, not even for the GIL.
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, py: Python<'_>, so_far: &mut SoFar, tokens: &[i64]) -> PyResult<()> {
        let vocabulary = self.guide.vocabulary();
        let advanced = so_far.response.advance(vocabulary, tokens);
        advanced.map_err(|error| to_python(py, error))?;
        so_far.tokens.extend_from_slice(tokens);
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        (Arc::clone(&self.guide), self.so_far().response.clone())
    }
}

/// Return m for each state and each of its candidates.
#[pyfunction]
pub fn guide_matches<'py>(
    py: Python<'py>,
    states: Vec<PyRef<'py, GuideState>>,
    candidates: PyArrayLike2<'py, i64, AllowTypeChange>,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let answer = |guide: &guide::Guide, rows: &[guide::Row]| {
        let matches = guide.matches(rows)?;
        Ok(matches.into_iter().map(|chars| chars as i32).collect())
    };
    Ok(for_candidates(py, states, &candidates, answer)?.into_pyarray(py))
}

/// Answers for each state and each of its candidates.
fn for_candidates<T: Clone + Send + 'static>(
    py: Python<'_>,
    states: Vec<PyRef<'_, GuideState>>,
    candidates: &PyArrayLike2<'_, i64, AllowTypeChange>,
    answer: impl Fn(&guide::Guide, &[guide::Row]) -> Result<Vec<T>> + Send + Sync + 'static,
) -> PyResult<Array2<T>> {
    let candidates = candidates.as_array();
    let (rows, columns) = candidates.dim();
    if rows != states.len() {
        let message = format!(
            "{} states but {rows} rows of candidates: give one row per state",
            states.len()
        );
        return Err(usage_error(py, message));
    }
    let tokens: Vec<i64> = candidates.iter().copied().collect();
    let of_states = move |first: usize, states: &[Snapshot]| {
        let rows = (first..)
            .zip(states)
            .map(|(row, (_, response))| guide::Row {
                response,
                candidates: &tokens[row * columns..][..columns],
            });
        let rows: Vec<guide::Row> = rows.collect();
        answer(&states[0].0, &rows)
    };
    let answers: Vec<Vec<T>> = for_states(py, states, rows * columns <= FEW, of_states)?;
    let answers = Array2::from_shape_vec((rows, columns), answers.concat());
    Ok(answers.expect("an answer per candidate"))
}

/// Return for each state and each of its candidates whether an n-gram of the corpus would be complete.
#[pyfunction]
pub fn guide_completes<'py>(
    py: Python<'py>,
    states: Vec<PyRef<'py, GuideState>>,
    candidates: PyArrayLike2<'py, i64, AllowTypeChange>,
) -> PyResult<Bound<'py, PyArray2<bool>>> {
    let answers = for_candidates(py, states, &candidates, |guide, rows| guide.completes(rows))?;
    Ok(answers.into_pyarray(py))
}

/// Return for each piece whether the text of the state with it is one of the corpus that can have `least` characters.
#[pyfunction]
pub fn guide_continues(
    py: Python<'_>,
    state: PyRef<'_, GuideState>,
    pieces: Vec<PyBackedBytes>,
    least: usize,
    avoid: Vec<PyBackedStr>,
) -> PyResult<Vec<bool>> {
    let (guide, response) = state.snapshot();
    let answers = py.detach(|| {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
        let avoid: Vec<&str> = avoid.iter().map(AsRef::as_ref).collect();
        guide.continues(&response, &pieces, least, &avoid)
    });
    answers.map_err(|error| to_python(py, error))
}

/// Return the text after each occurrence of the text of the state; None if there are more than `max_occurrences`.
#[pyfunction]
pub fn guide_follow_ups<'py>(
    py: Python<'py>,
    state: PyRef<'_, GuideState>,
    max_occurrences: usize,
    max_bytes: usize,
) -> PyResult<Option<Vec<Bound<'py, PyBytes>>>> {
    let (guide, response) = state.snapshot();
    let found = py
        .detach(|| guide.follow_ups(&response, max_occurrences, max_bytes))
        .map_err(|error| to_python(py, error))?;
    Ok(found.map(|found| found.iter().map(|one| PyBytes::new(py, one)).collect()))
}

/// Where responses may end: the matches that end a document, and those that end a sentence.
type EndArrays<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<i32>>);

/// Return for each state the matches after which a document, and a sentence, ends.
#[pyfunction]
pub fn guide_ends<'py>(
    py: Python<'py>,
    states: Vec<PyRef<'py, GuideState>>,
) -> PyResult<EndArrays<'py>> {
    let answer = |_: usize, states: &[Snapshot]| {
        let responses: Vec<&Response> = states.iter().map(|(_, response)| response).collect();
        states[0].0.ends(&responses)
    };
    let few = states.len() <= FEW;
    let ends = for_states(py, states, few, answer)?.concat();
    let documents: Vec<i32> = ends.iter().map(|ends| ends.document as i32).collect();
    let sentences: Vec<i32> = ends.iter().map(|ends| ends.sentence as i32).collect();
    Ok((documents.into_pyarray(py), sentences.into_pyarray(py)))
}

/// Answers for some states of one guide at a time, without the GIL, and in parallel unless there are few. The first
/// argument of `answer` is the position of the first of them.
fn for_states<T: Send + 'static>(
    py: Python<'_>,
    states: Vec<PyRef<'_, GuideState>>,
    few: bool,
    answer: impl Fn(usize, &[Snapshot]) -> Result<T> + Send + Sync + 'static,
) -> PyResult<Vec<T>> {
    let snapshots: Vec<_> = states.iter().map(|state| state.snapshot()).collect();
    let together = match few {
        true => MOST_TOGETHER,
        false => snapshots
            .len()
            .div_ceil(pool().current_num_threads())
            .clamp(1, MOST_TOGETHER),
    };
    let mut pieces = Vec::new();
    for of_one_guide in snapshots.chunk_by(|a, b| Arc::ptr_eq(&a.0, &b.0)) {
        pieces.extend(of_one_guide.chunks(together).map(<[_]>::len));
    }
    let pieces: Vec<(usize, usize)> = pieces
        .iter()
        .scan(0, |start, &length| {
            *start += length;
            Some((*start - length, length))
        })
        .collect();
    let piece =
        move |&(first, length): &(usize, usize)| answer(first, &snapshots[first..first + length]);
    if few {
        let answers = py.detach(|| pieces.iter().map(piece).collect::<Result<_>>());
        return answers.map_err(|error| to_python(py, error));
    }
    interruptible(py, move |stop| {
        let answers = pieces.par_iter().map(|place| {
            stop.check()?;
            piece(place)
        });
        answers.collect()
    })
}
