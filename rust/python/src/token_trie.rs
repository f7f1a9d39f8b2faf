//! `_core.TokenTrie`: the tokens that may come next in responses that are made of given strings.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use quotetune_core::guide::token_trie;

/// The state of each response, the number of tokens of each state, and these tokens.
type AllowedTuple<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
);

#[pyclass(frozen)]
pub struct TokenTrie {
    trie: Arc<token_trie::TokenTrie>,
}

#[pymethods]
impl TokenTrie {
    #[new]
    fn new(
        py: Python<'_>,
        sequences: &Bound<'_, PyAny>,
        most: usize,
        ends: Vec<u32>,
    ) -> PyResult<Self> {
        let mut tokens: Vec<u32> = Vec::new();
        let mut lengths = Vec::new();
        for sequence in sequences.try_iter()? {
            let sequence: Vec<u32> = sequence?.extract()?;
            tokens.extend_from_slice(&sequence);
            lengths.push(sequence.len());
        }
        let trie = py.detach(|| token_trie::TokenTrie::new(tokens, &lengths, most, ends));
        Ok(Self {
            trie: Arc::new(trie),
        })
    }

    fn __len__(&self) -> usize {
        self.trie.len()
    }

    fn allowed<'py>(&self, py: Python<'py>, responses: Vec<Vec<u32>>) -> AllowedTuple<'py> {
        let (states, counts, tokens) = py.detach(|| {
            let allowed = self.trie.allowed(&responses);
            let states: Vec<i64> = allowed.states.iter().map(|&state| state as i64).collect();
            let counts: Vec<i64> = allowed.tokens.iter().map(|own| own.len() as i64).collect();
            let tokens = allowed.tokens.iter().flatten();
            (
                states,
                counts,
                tokens.map(|&token| i64::from(token)).collect::<Vec<i64>>(),
            )
        });
        (
            states.into_pyarray(py),
            counts.into_pyarray(py),
            tokens.into_pyarray(py),
        )
    }
}
