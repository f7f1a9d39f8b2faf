//! Documents on their way into an index: where they came from, and that no two are the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::store::documents::{Documents, wide_identity_hash};

/// A document as it was read, its text not yet normalised.
#[derive(Clone, Debug)]
pub struct Document {
    pub source: String,
    pub id: String,
    pub text: String,
    /// A JSON object.
    pub metadata: String,
    pub place: Place,
}

/// Where a document stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number that `Places::input` gave.
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
    /// How messages show a place.
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

/// The inputs of a build and the identities seen in them so far; 40 bytes or so a document.
#[derive(Default)]
pub struct Places {
    inputs: Vec<(String, Numbering)>,
    seen: HashMap<[u64; 2], (u32, u32)>,
    /// An index that is added to, and what stands in it.
    index: Option<(PathBuf, Vec<Documents>)>,
}

impl Places {
    /// Name the next input; its number goes into the `Place` of its documents.
    pub fn input(&mut self, name: &str, numbering: Numbering) -> u32 {
        self.inputs.push((name.to_owned(), numbering));
        self.inputs.len() as u32 - 1
    }

    /// Refuse the documents that stand in the index at `path`.
    pub fn refuse(&mut self, path: PathBuf, documents: Vec<Documents>) {
        self.index = Some((path, documents));
    }

    pub fn show(&self, place: Place) -> String {
        let (name, numbering) = &self.inputs[place.input as usize];
        numbering.show(name, place.line)
    }

    /// Note an identity; of one that comes twice, gives what names both places.
    ///
    /// 128 bits of hash stand for an identity: two different ones never meet in practice.
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
                        "the document {:?} of source {:?} was given before, at {first}",
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
                        "the document {:?} of source {:?} stands in {} already",
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
