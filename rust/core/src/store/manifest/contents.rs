//! What an index is made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::entries::{
    Counts, FileEntry, FilterEntry, FuseFilterEntry, HashEntry, ImportedFilterEntry,
    NormalizationEntry, RecordKeys, SegmentEntry,
};
use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::store::header::{FORMAT_VERSION, Parameters};
use crate::store::names;
use crate::suffix::text_index::Suffixes;
use crate::text::ngram::{self, NgramHasher};
use crate::text::squash::Normalization;

/// In place of the checksum while it is computed.
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
    /// One after the other they cover all documents; none without the structure `bloom`.
    pub filters: Vec<FilterEntry>,
    /// A published filter: then there is nothing else in the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_filter: Option<ImportedFilterEntry>,
    /// The filter of the structure `fuse`, over all documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuse_filter: Option<FuseFilterEntry>,
    /// What documents were read from; indexes that do not say so were built with the usual keys, or before it was kept.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub record_keys: RecordKeys,
    /// How sources were made of the names of files, so that those that are added are named alike; none: by their stems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Records left out under `--errors skip`, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped_reasons: BTreeMap<String, u64>,
    /// What the filters keep to; none without one.
    #[serde(default)]
    pub sizing: Option<Sizing>,
    /// Number of the next new file: none is ever used twice.
    #[serde(default)]
    pub next_file: usize,
    /// xxh3 (64 bits) of this file with zeros in place of these digits, in hexadecimal.
    pub checksum: String,
}

impl Manifest {
    /// An index of nothing yet.
    pub fn new(parameters: Parameters) -> Self {
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            writer: concat!("quotetune ", env!("CARGO_PKG_VERSION")).to_owned(),
            n: parameters.n,
            normalization: NormalizationEntry {
                name: parameters.normalization.name().to_owned(),
                version: Normalization::VERSION,
            },
            hash: HashEntry {
                name: "polynomial-64".to_owned(),
                version: NgramHasher::VERSION,
                seed: format!("{:016x}", ngram::SEED),
            },
            structures: Vec::new(),
            counts: Counts::default(),
            segments: Vec::new(),
            filters: Vec::new(),
            imported_filter: None,
            fuse_filter: None,
            record_keys: RecordKeys::default(),
            identity: None,
            skipped_reasons: BTreeMap::new(),
            sizing: None,
            next_file: 0,
            checksum: NO_CHECKSUM.to_owned(),
        }
    }

    /// What the segments sort; none without a suffix index.
    pub fn suffixes(&self) -> Option<Suffixes> {
        let mut names = self.structures.iter();
        names.find_map(|name| Suffixes::from_name(name))
    }

    /// Count records that were left out.
    pub fn count_skipped(&mut self, reasons: &BTreeMap<String, u64>) {
        for (reason, count) in reasons {
            let known = self.skipped_reasons.entry(reason.clone()).or_default();
            *known = known.saturating_add(*count);
        }
    }

    /// Refuse to change an imported or a fuse filter, which nothing can be added to or taken from.
    pub fn require_changeable(&self, path: &Path) -> Result<()> {
        if self.imported_filter.is_some() {
            return Err(Error::Refused {
                path: path.to_owned(),
                what: "is an imported filter, which cannot change".to_owned(),
                remedy: "build an index of the corpus itself",
            });
        }
        if self.fuse_filter.is_some() {
            return Err(Error::Refused {
                path: path.to_owned(),
                what: "has a fuse filter, which cannot change".to_owned(),
                remedy: "build the index again from all documents, with --structures bloom if it is to change",
            });
        }
        Ok(())
    }

    /// The false-positive rate of all filters together.
    pub fn fpr(&self) -> f64 {
        let own = self.filters.iter().map(|filter| filter.fpr);
        let imported = self.imported_filter.iter().map(|filter| filter.fpr);
        let fuse = self.fuse_filter.iter().map(|filter| filter.fpr);
        let all = own.chain(imported).chain(fuse);
        1.0 - all.map(|fpr| 1.0 - fpr).product::<f64>()
    }

    /// Every file of the index but the manifest.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let segments = self
            .segments
            .iter()
            .flat_map(|segment| [&segment.text, &segment.suffix, &segment.records]);
        let filters = self.filters.iter().map(|filter| &filter.file);
        let imported = self.imported_filter.iter().map(|filter| &filter.file);
        let fuse = self.fuse_filter.iter().map(|filter| &filter.file);
        segments.chain(filters).chain(imported).chain(fuse)
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
