//! Tokens after which a response has an n-gram of the corpus, which a decoder may have to keep out.

use super::corpus::Corpus;
use super::guiding::{Guide, Row};
use super::pattern::start_of_last;
use crate::error::{Error, Result};
use crate::query::Index;

impl Guide {
    /// Tells for each candidate of each row whether it completes an n-gram of the corpus, anywhere in what it adds. White
    /// space at the end counts as before a further character. A token with bytes that are not UTF-8 counts as if it
    /// did, because what it adds cannot be told.
    pub fn completes(&self, rows: &[Row<'_>]) -> Result<Vec<bool>> {
        let Corpus::Index(index) = self.corpus() else {
            return Err(Error::Usage(
                "texts in memory have no n-grams: give an index of what may not come out".into(),
            ));
        };
        let mut answers = Vec::new();
        for row in rows {
            for &token in row.candidates {
                answers.push(self.completes_one(index, row, token)?);
            }
        }
        index.check_whole()?;
        Ok(answers)
    }

    fn completes_one(&self, index: &Index, row: &Row<'_>, token: i64) -> Result<bool> {
        let Some(bytes @ [_, ..]) = self.vocabulary().token(token) else {
            return Ok(false);
        };
        let tail = row.response.tail();
        // Windows that end in the tail were looked at before.
        let start = start_of_last(tail.as_bytes(), index.n() - 1);
        let mut text = tail.as_bytes()[start..].to_vec();
        let added = row.response.peek(bytes, &mut text);
        if added.broken {
            return Ok(true);
        }
        text.truncate(text.len() - added.incomplete);
        index.has_ngram_of(&String::from_utf8(text).unwrap_or_default())
    }
}
