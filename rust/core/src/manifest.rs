//! `manifest.json`: what an index is made of. The only file that names others.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::file::{FORMAT_VERSION, Parameters};
use crate::ngram::{self, NgramHasher};
use crate::output::sync_directory;
use crate::sizing::Sizing;
use crate::squash::Normalization;
use crate::text_index::Suffixes;

pub const FILE_NAME: &str = "manifest.json";
/// The next manifest, until it is complete.
pub const PARTIAL_NAME: &str = "manifest.json.partial";
const FORMAT: &str = "quotetune index";

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
    /// What the filters keep to; none without one.
    #[serde(default)]
    pub sizing: Option<Sizing>,
    /// Number of the next new file: none is ever used twice.
    #[serde(default)]
    pub next_file: usize,
    /// xxh3 (64 bits) of this file with zeros in place of these digits, in hexadecimal.
    pub checksum: String,
}

const CHECKSUM_KEY: &str = "\"checksum\": \"";
const NO_CHECKSUM: &str = "0000000000000000";

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

/// A filter that RedisBloom made (see [`crate::redis_bloom`]).
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

/// A filter that was made for all n-grams at once (see [`crate::fuse`]).
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
        Self::with_checksum(path, crate::verify::checksum(path)?)
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

    /// Read and check the manifest of the index in `directory`.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE_NAME);
        if !path.exists() {
            return Err(Error::NoIndex {
                path: directory.to_owned(),
                what: match (directory.is_dir(), directory.exists()) {
                    (true, _) => "the directory has no manifest.json",
                    (false, true) => "it is a file, not a directory",
                    (false, false) => "the directory does not exist",
                },
            });
        }
        let json = fs::read(&path).map_err(Error::io("read", &path))?;
        let value: Value = serde_json::from_slice(&json)
            .map_err(|error| Error::damaged(&path, format_args!("not valid JSON: {error}")))?;
        if value["format"] != FORMAT {
            return Err(Error::Foreign {
                path,
                kind: "manifest",
            });
        }
        if value["format_version"] != FORMAT_VERSION {
            return Err(Error::Version {
                path,
                found: value["format_version"].as_u64().unwrap_or_default(),
                expected: FORMAT_VERSION.into(),
            });
        }
        let manifest: Self = serde_json::from_value(value)
            .map_err(|error| Error::damaged(&path, format_args!("{error}")))?;
        let without = String::from_utf8_lossy(&json).replace(
            &format!("{CHECKSUM_KEY}{}", manifest.checksum),
            &format!("{CHECKSUM_KEY}{NO_CHECKSUM}"),
        );
        if manifest.checksum != format!("{:016x}", xxh3_64(without.as_bytes())) {
            return Err(Error::damaged(&path, "it does not match its checksum"));
        }
        manifest.check_versions(&path)?;
        manifest.check_names(&path)?;
        Ok(manifest.completed())
    }

    /// Fill in what manifests did not say before indexes could change.
    fn completed(mut self) -> Self {
        if let (None, [filter]) = (self.sizing, self.filters.as_mut_slice()) {
            self.sizing = Some(Sizing::new(filter.bits_per_ngram, None));
            filter.documents = self.counts.documents;
        }
        self.next_file = self.next_file.max(self.segments.len()).max(1);
        self
    }

    /// Put this manifest into `directory`, in one step, in place of the one that may be there.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let partial = directory.join(PARTIAL_NAME);
        let write = || {
            let mut file = File::create(&partial)?;
            file.write_all(self.to_json().as_bytes())?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &partial))?;
        let path = directory.join(FILE_NAME);
        fs::rename(&partial, &path).map_err(Error::io("write", &path))?;
        sync_directory(directory)
    }

    fn check_versions(&self, path: &Path) -> Result<()> {
        let versions = [
            (self.normalization.version, Normalization::VERSION),
            (self.hash.version, NgramHasher::VERSION),
        ];
        match versions.iter().find(|(found, expected)| found != expected) {
            None => Ok(()),
            Some(&(found, expected)) => Err(Error::Version {
                path: path.to_owned(),
                found: found.into(),
                expected: expected.into(),
            }),
        }
    }

    /// No name may lead out of the directory: to another's file, or to a device that never ends.
    fn check_names(&self, path: &Path) -> Result<()> {
        let is_plain = |name: &str| Path::new(name).file_name() == Some(name.as_ref());
        match self.files().find(|file| !is_plain(&file.name)) {
            None => Ok(()),
            Some(file) => {
                let what = format_args!("{:?} is no name of a file beside it", file.name);
                Err(Error::damaged(path, what))
            }
        }
    }

    pub fn parameters(&self, directory: &Path) -> Result<Parameters> {
        let path = || directory.join(FILE_NAME);
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

    /// The text of the file, with its checksum.
    pub fn to_json(&self) -> String {
        let manifest = Self {
            checksum: NO_CHECKSUM.to_owned(),
            ..self.clone()
        };
        let mut json = serde_json::to_string_pretty(&manifest).expect("plain values serialise");
        json.push('\n');
        let checksum = xxh3_64(json.as_bytes());
        json.replace(
            &format!("{CHECKSUM_KEY}{NO_CHECKSUM}"),
            &format!("{CHECKSUM_KEY}{checksum:016x}"),
        )
    }
}
