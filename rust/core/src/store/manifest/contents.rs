//! The contents of an index.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::entries::{Counts, FileEntry, HashEntry, NormalizationEntry, RecordKeys, SegmentEntry};
use super::filters::FilterEntries;
use super::unicode;
use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::store::header::{FORMAT_VERSION, Parameters};
use crate::store::names;
use crate::suffix::text_index::Suffixes;
use crate::text::ngram::{self, NgramHasher};
use crate::text::normalization::Normalization;

/// The placeholder of the checksum while it is computed.
pub(super) const NO_CHECKSUM: &str = "0000000000000000";
pub(super) const FORMAT: &str = "quotetune index";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub format_version: u32,
    /// Program and version that built the index.
    pub writer: String,
    /// Length of an n-gram in Unicode code points.
    pub n: usize,
    pub normalization: NormalizationEntry,
    pub hash: HashEntry,
    pub structures: Vec<String>,
    pub counts: Counts,
    pub segments: Vec<SegmentEntry>,
    /// Read separately (`file.rs`): what serde flattens it cannot read with numbers of any precision.
    #[serde(flatten, skip_deserializing)]
    pub filters: FilterEntries,
    /// Fields of records that the documents were read from. An index that does not record them was built with the
    /// usual keys, or before they were recorded.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub record_keys: RecordKeys,
    /// How default sources are made of the paths of files, so that documents that are added get names of the same
    /// kind. None means the stems of the file names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Records left out under `--errors skip`, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped_reasons: BTreeMap<String, u64>,
    /// Size and limit of the Bloom filters, if there are any.
    #[serde(default)]
    pub sizing: Option<Sizing>,
    /// Number of the next new file. A number is never used twice.
    #[serde(default)]
    pub next_file: usize,
    /// xxh3 (64 bits) of this file with zeros in place of the checksum, in hexadecimal.
    pub checksum: String,
}

impl Manifest {
    /// Creates the manifest of an index with these structures and no documents yet.
    pub fn new(parameters: Parameters, filters: FilterEntries, suffixes: Option<Suffixes>) -> Self {
        let structures = filters.structure().into_iter();
        let structures = structures.chain(suffixes.map(Suffixes::name));
        Self {
            structures: structures.map(str::to_owned).collect(),
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            writer: concat!("quotetune ", env!("CARGO_PKG_VERSION")).to_owned(),
            n: parameters.n,
            normalization: NormalizationEntry {
                name: parameters.normalization.name().to_owned(),
                version: Normalization::VERSION,
                unicode: unicode::recorded(parameters.normalization),
                unknown_characters: false,
            },
            hash: HashEntry {
                name: "polynomial-64".to_owned(),
                version: NgramHasher::VERSION,
                seed: format!("{:016x}", ngram::SEED),
            },
            counts: Counts::default(),
            segments: Vec::new(),
            filters,
            record_keys: RecordKeys::default(),
            identity: None,
            skipped_reasons: BTreeMap::new(),
            sizing: None,
            next_file: 0,
            checksum: NO_CHECKSUM.to_owned(),
        }
    }

    /// Returns the suffixes that the segments sort, or None without a suffix index.
    pub fn suffixes(&self) -> Option<Suffixes> {
        let mut names = self.structures.iter();
        names.find_map(|name| Suffixes::from_name(name))
    }

    /// Counts records that were left out.
    pub fn count_skipped(&mut self, reasons: &BTreeMap<String, u64>) {
        for (reason, count) in reasons {
            let known = self.skipped_reasons.entry(reason.clone()).or_default();
            *known = known.saturating_add(*count);
        }
    }

    /// Returns an error for an imported or a fuse filter, which cannot change.
    pub fn require_changeable(&self, path: &Path) -> Result<()> {
        let (what, remedy) = match self.filters {
            FilterEntries::None | FilterEntries::Blooms(_) => return Ok(()),
            FilterEntries::Imported(_) => (
                "is an imported filter, which cannot change",
                "build an index of the corpus itself",
            ),
            FilterEntries::Fuse(_) => (
                "has a fuse filter, which cannot change",
                "build the index again from all documents, with --structures bloom if it is to change",
            ),
        };
        Err(Error::Refused {
            path: path.to_owned(),
            what: what.to_owned(),
            remedy,
        })
    }

    /// Yields every file of the index except the manifest.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let segments = self
            .segments
            .iter()
            .flat_map(|segment| [&segment.text, &segment.suffix, &segment.records]);
        segments.chain(self.filters.files())
    }

    pub fn parameters(&self, directory: &Path) -> Result<Parameters> {
        let path = || directory.join(names::MANIFEST);
        let normalization =
            Normalization::from_name(&self.normalization.name).ok_or_else(|| {
                let name = &self.normalization.name;
                Error::damaged(&path(), format_args!("unknown normalization {name:?}"))
            })?;
        if !(1..=NgramHasher::MAX_N).contains(&self.n) {
            return Err(Error::damaged(&path(), format_args!("n is {}", self.n)));
        }
        Ok(Parameters {
            n: self.n,
            normalization,
        })
    }
}

fn is_usual(keys: &RecordKeys) -> bool {
    *keys == RecordKeys::default()
}
