//! Entries of a manifest: totals, segments and files.

use std::fs::File;
use std::ops::Not;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::store::checksum::checksum;
use crate::text::ngram::windows_of;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NormalizationEntry {
    pub name: String,
    pub version: u32,
    /// Version of Unicode's tables; None if the texts are not folded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unicode: Option<String>,
    /// Whether a text has characters that are not in these tables.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub unknown_characters: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HashEntry {
    pub name: String,
    pub version: u32,
    /// In hexadecimal, since JSON numbers do not hold 64 bits.
    pub seed: String,
}

/// Totals of the corpus, after normalisation.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    pub documents: u64,
    /// Documents of fewer than n characters, which hold no n-gram.
    pub short_documents: u64,
    /// Records left out under `--errors skip`.
    pub skipped_documents: u64,
    /// Documents left out under `--duplicates first`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub duplicate_documents: u64,
    pub characters: u64,
    /// UTF-8 bytes of all documents.
    pub bytes: u64,
    /// N-grams, duplicates included.
    pub ngrams: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentEntry {
    pub documents: usize,
    pub text: FileEntry,
    pub suffix: FileEntry,
    pub records: FileEntry,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Counts {
    /// Returns the counts of one normalised document.
    pub fn of_document(characters: usize, bytes: usize, n: usize) -> Self {
        let ngrams = windows_of(characters, n);
        Self {
            documents: 1,
            short_documents: u64::from(ngrams == 0),
            skipped_documents: 0,
            duplicate_documents: 0,
            characters: characters as u64,
            bytes: bytes as u64,
            ngrams: ngrams as u64,
        }
    }

    pub fn plus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    pub fn minus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_sub)
    }

    fn combine(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            documents: with(self.documents, other.documents),
            short_documents: with(self.short_documents, other.short_documents),
            skipped_documents: with(self.skipped_documents, other.skipped_documents),
            duplicate_documents: with(self.duplicate_documents, other.duplicate_documents),
            characters: with(self.characters, other.characters),
            bytes: with(self.bytes, other.bytes),
            ngrams: with(self.ngrams, other.ngrams),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name within the index directory.
    pub name: String,
    pub size: u64,
    /// xxh3 (64 bits) of the whole file, in hexadecimal.
    pub xxh3: String,
}

impl FileEntry {
    /// Measures a finished file and forces it to the disk: a file that a manifest names must survive a power cut.
    pub fn of(path: &Path) -> Result<Self> {
        Self::with_checksum(path, checksum(path)?)
    }

    /// Does the same for a file whose checksum is known.
    pub fn with_checksum(path: &Path, xxh3: String) -> Result<Self> {
        let size = || {
            let file = File::open(path)?;
            file.sync_all()?;
            Ok(file.metadata()?.len())
        };
        Ok(Self {
            name: path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            size: size().map_err(Error::io("write", path))?,
            xxh3,
        })
    }
}

/// The fields of records that documents were read from. Documents that are added are read the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordKeys {
    pub text: String,
    /// None means the field `id`, if a record has it.
    #[serde(default)]
    pub id: Option<String>,
    /// None means the field `source`, if a record has it.
    #[serde(default)]
    pub source: Option<String>,
    #[serde(default)]
    pub metadata: Vec<String>,
    /// Whether ids are the numbers of lines, whatever fields the records have.
    #[serde(default, skip_serializing_if = "is_off")]
    pub numbered: bool,
}

fn is_off(flag: &bool) -> bool {
    !flag
}

impl Default for RecordKeys {
    fn default() -> Self {
        Self {
            text: "text".to_owned(),
            id: None,
            source: None,
            metadata: Vec::new(),
            numbered: false,
        }
    }
}

/// Returns what the manifests of several indexes all say; None if they differ.
pub fn agreed<T: PartialEq>(entries: impl IntoIterator<Item = T>) -> Option<T> {
    let mut entries = entries.into_iter();
    let first = entries.next()?;
    entries.all(|other| other == first).then_some(first)
}
