//! What a manifest lists: totals, segments, filters, files.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::store::checksum::checksum;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NormalizationEntry {
    pub name: String,
    pub version: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HashEntry {
    pub name: String,
    pub version: u32,
    /// In hexadecimal: JSON numbers do not hold 64 bits.
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
    /// N-grams, duplicates counted.
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
pub struct FilterEntry {
    /// How many documents it covers: those behind the documents of the filter before it.
    #[serde(default)]
    pub documents: u64,
    /// Distinct n-grams, estimated to about 0.2%.
    pub distinct_ngrams: u64,
    /// Bits of the filter for each distinct n-gram.
    pub bits_per_ngram: f64,
    /// Share of bits set.
    pub fill: f64,
    /// False-positive rate that follows from the fill of its blocks.
    pub fpr: f64,
    pub file: FileEntry,
}

/// A filter that RedisBloom made (see [`crate::filter::redis_bloom`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportedFilterEntry {
    /// N-grams in it.
    pub elements: u64,
    /// N-grams that it was made for.
    pub capacity: u64,
    /// False-positive rate that it was made for.
    pub stated_fpr: f64,
    /// What hashes are taken modulo.
    pub bits: u64,
    /// Bits that an n-gram sets.
    pub hashes: u32,
    /// Share of bits set.
    pub fill: f64,
    /// False-positive rate that follows from the fill: fill^hashes.
    pub fpr: f64,
    pub file: FileEntry,
}

/// A filter that was made for all n-grams at once (see [`crate::filter::fuse`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FuseFilterEntry {
    /// Distinct n-grams, counted.
    pub distinct_ngrams: u64,
    /// Parts that were constructed one by one.
    pub partitions: u64,
    /// False-positive rate that follows from the length of a fingerprint.
    pub fpr: f64,
    pub file: FileEntry,
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
    /// Measure a finished file, and force it to the disk: what a manifest names must be there after a power cut.
    pub fn of(path: &Path) -> Result<Self> {
        Self::with_checksum(path, checksum(path)?)
    }

    /// The same for a file whose checksum is known.
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

/// The fields of records that documents were read from: those that are added are read alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordKeys {
    pub text: String,
    /// None: the field `id`, where a record has it.
    #[serde(default)]
    pub id: Option<String>,
    /// None: the field `source`, where a record has it.
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
