//! The places that documents are read from, and the check that no two have the same source and id.

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

/// What the numbers of an input's places count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    Lines,
    /// The elements of an array.
    Objects,
}

impl Numbering {
    /// Returns a place as messages show it.
    pub fn show(self, input: &str, number: u64) -> String {
        match self {
            Self::Lines => format!("{input}:{number}"),
            Self::Objects => format!("{input}: object {number}"),
        }
    }
}

const SAME_INPUT: &str = "give each document its own id (--id-key, --id-key none for line numbers) or source \
     (--source-key), or keep the first with --duplicates first";
const OTHER_INPUT: &str = "give each document its own id (--id-key) or source (--source-key, or --root for files of one \
     name in several folders), or keep the first with --duplicates first";

/// The inputs of a build and the identities seen in them so far. Takes about 40 bytes per document.
#[derive(Default)]
pub struct Places {
    inputs: Vec<(String, Numbering)>,
    seen: HashMap<[u64; 2], (u32, u32)>,
    /// The index that documents are added to, and its documents.
    index: Option<(PathBuf, Vec<Documents>)>,
}

impl Places {
    /// Names the next input. Returns its number for the `Place` of its documents.
    pub fn input(&mut self, name: &str, numbering: Numbering) -> u32 {
        self.inputs.push((name.to_owned(), numbering));
        self.inputs.len() as u32 - 1
    }

    /// Makes documents that are in the index at `path` an error.
    pub fn refuse(&mut self, path: PathBuf, documents: Vec<Documents>) {
        self.index = Some((path, documents));
    }

    pub fn show(&self, place: Place) -> String {
        let (name, numbering) = &self.inputs[place.input as usize];
        numbering.show(name, place.line)
    }

    /// Records an identity. If it occurred before, returns the error that names both places.
    ///
    /// Two different identities have the same hash of 128 bits so rarely that it never happens in practice.
    pub fn register(&mut self, document: &Document) -> Result<Option<Error>> {
        if let Some(duplicate) = self.find_in_index(document)? {
            return Ok(Some(duplicate));
        }
        let hash = wide_identity_hash(&document.source, &document.id);
        let place = document.place;
        match self.seen.entry([hash as u64, (hash >> 64) as u64]) {
            Entry::Vacant(entry) => {
                entry.insert((place.input, place.line as u32));
                Ok(None)
            }
            Entry::Occupied(entry) => {
                let &(input, line) = entry.get();
                let line = line.into();
                let first = self.show(Place { input, line });
                Ok(Some(Error::input(
                    self.show(place),
                    format_args!(
                        "the document {:?} of source {:?} was already given, at {first}",
                        document.id, document.source
                    ),
                    match input == place.input {
                        true => SAME_INPUT,
                        false => OTHER_INPUT,
                    },
                )))
            }
        }
    }

    fn find_in_index(&self, document: &Document) -> Result<Option<Error>> {
        let Some((path, segments)) = &self.index else {
            return Ok(None);
        };
        for documents in segments {
            if documents.find(&document.source, &document.id)?.is_some() {
                return Ok(Some(Error::input(
                    self.show(document.place),
                    format_args!(
                        "the document {:?} of source {:?} is already in {}",
                        document.id,
                        document.source,
                        path.display()
                    ),
                    "give it another id (--id-key) or source (--source-key), remove the old one first, or \
                     leave this one out with --duplicates first",
                )));
            }
        }
        Ok(None)
    }
}
