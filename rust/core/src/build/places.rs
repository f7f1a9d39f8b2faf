//! Documents that are being read: where each came from, and that no two have the same identity.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::store::documents::{Documents, wide_identity_hash};

/// A document as it was read, before normalisation.
#[derive(Clone, Debug)]
pub struct Document {
    pub source: String,
    pub id: String,
    pub text: String,
    /// A JSON object.
    pub metadata: String,
    pub place: Place,
}

/// The place of a document in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number from `Places::input`.
    pub input: u32,
    /// Line, row or position.
    pub line: u64,
}

/// The inputs of a build and the identities seen in them so far. Takes about 40 bytes per document.
#[derive(Default)]
pub struct Places {
    inputs: Vec<String>,
    seen: HashMap<[u64; 2], (u32, u32)>,
    /// The index that documents are added to, and its documents.
    index: Option<(PathBuf, Vec<Documents>)>,
}

impl Places {
    /// Names the next input. Returns its number for the `Place` of its documents.
    pub fn input(&mut self, name: &str) -> u32 {
        self.inputs.push(name.to_owned());
        self.inputs.len() as u32 - 1
    }

    /// Makes documents that are in the index at `path` an error.
    pub fn refuse(&mut self, path: PathBuf, documents: Vec<Documents>) {
        self.index = Some((path, documents));
    }

    pub fn show(&self, place: Place) -> String {
        format!("{}:{}", self.inputs[place.input as usize], place.line)
    }

    /// Records an identity. If it comes twice, the error names both places.
    ///
    /// Two different identities have the same hash of 128 bits so rarely that it never happens in practice.
    pub fn register(&mut self, document: &Document) -> Result<()> {
        self.check_index(document)?;
        let hash = wide_identity_hash(&document.source, &document.id);
        let place = document.place;
        match self.seen.entry([hash as u64, (hash >> 64) as u64]) {
            Entry::Vacant(entry) => {
                entry.insert((place.input, place.line as u32));
                Ok(())
            }
            Entry::Occupied(entry) => {
                let &(input, line) = entry.get();
                let line = line.into();
                let first = self.show(Place { input, line });
                Err(Error::input(
                    self.show(place),
                    format_args!(
                        "the document {:?} of source {:?} was already given, at {first}",
                        document.id, document.source
                    ),
                    "give each document its own id (--id-key) or source (--source-key)",
                ))
            }
        }
    }

    fn check_index(&self, document: &Document) -> Result<()> {
        let Some((path, segments)) = &self.index else {
            return Ok(());
        };
        for documents in segments {
            if documents.find(&document.source, &document.id)?.is_some() {
                return Err(Error::input(
                    self.show(document.place),
                    format_args!(
                        "the document {:?} of source {:?} is already in {}",
                        document.id,
                        document.source,
                        path.display()
                    ),
                    "give it another id (--id-key) or source (--source-key), or remove the old one first",
                ));
            }
        }
        Ok(())
    }
}
