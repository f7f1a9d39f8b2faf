//! The names of documents: source and id, without the text or the metadata.

use super::Index;
use crate::error::{Error, Result};

impl Index {
    /// Returns source and id of at most `most` documents, from the one at `position` in the order of the corpus on.
    /// There are fewer after the last document only.
    pub fn names(&self, position: usize, most: usize) -> Result<Vec<(&str, &str)>> {
        self.require_suffix("name its documents")?;
        let Some((first, mut document)) = self.segment_of(position) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for segment in &self.segments[first..] {
            let documents = segment.documents();
            let end = documents
                .len()
                .min(document.saturating_add(most - names.len()));
            for document in document..end {
                names.push(documents.name(document)?);
            }
            document = 0;
        }
        Ok(names)
    }

    /// Tells whether the corpus has a document.
    pub fn has_document(&self, source: &str, id: &str) -> Result<bool> {
        match self.place(source, id) {
            Err(Error::UnknownDocument { .. }) => Ok(false),
            found => found.map(|_| true),
        }
    }
}
