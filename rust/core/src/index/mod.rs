//! An open index: immutable mapped files, asked by any number of threads at once.

mod quip;
mod topic;
mod trace;

use std::path::{Path, PathBuf};

use crate::anchors::Anchors;
use crate::bloom::Bloom;
use crate::documents::Record;
use crate::error::{Error, Result};
use crate::file::{Kind, MappedFile, Parameters};
use crate::fuse::file::FuseFile;
use crate::locate;
use crate::manifest::{FilterEntry, Manifest};
use crate::ngram::NgramHasher;
use crate::redis_bloom::filter::ImportedFilter;
use crate::segment::Segment;
use crate::text_index::{Suffixes, TextIndex};

pub use quip::Quip;
pub use trace::{Quote, QuoteSource, Report};

const FILTER_WORDS: usize = 0;
const NO_SUFFIX: &str = "build one with --structures bloom,suffix";

pub struct Index {
    path: PathBuf,
    manifest: Manifest,
    parameters: Parameters,
    hasher: NgramHasher,
    segments: Vec<Segment>,
    /// What the segments sort; none without a suffix index.
    suffixes: Option<Suffixes>,
    /// Those of a lean index.
    anchors: Option<Anchors>,
    filters: Vec<MappedFile>,
    imported_filter: Option<ImportedFilter>,
    fuse_filter: Option<FuseFile>,
}

/// A document as it stands in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument<'a> {
    pub record: Record<'a>,
    pub text: &'a str,
}

impl Index {
    /// Open the index in the directory `path`: reads the manifest and the header of every file.
    pub fn open(path: &Path) -> Result<Self> {
        let mut manifest = Manifest::read(path)?;
        loop {
            let checksum = manifest.checksum.clone();
            match Self::open_files(path, manifest) {
                // A change to the index removes files that only the manifest before it named.
                Err(error) => match Manifest::read(path) {
                    Ok(now) if now.checksum != checksum => manifest = now,
                    _ => return Err(error),
                },
                opened => return opened,
            }
        }
    }

    fn open_files(path: &Path, manifest: Manifest) -> Result<Self> {
        let parameters = manifest.parameters(path)?;
        let suffixes = manifest.suffixes();
        let entries = manifest
            .segments
            .iter()
            .filter_map(|entry| Some((entry, suffixes?)));
        let segments = entries
            .map(|(entry, suffixes)| Segment::open(path, entry, parameters, suffixes))
            .collect::<Result<_>>()?;
        let filters = manifest
            .filters
            .iter()
            .map(|entry| open_filter(path, entry, parameters))
            .collect::<Result<_>>()?;
        let imported_filter = manifest
            .imported_filter
            .as_ref()
            .map(|entry| ImportedFilter::open(path, entry, parameters))
            .transpose()?;
        let fuse_filter = manifest
            .fuse_filter
            .as_ref()
            .map(|entry| FuseFile::open(path, entry, parameters))
            .transpose()?;
        Ok(Self {
            path: path.to_owned(),
            hasher: NgramHasher::new(parameters.n),
            manifest,
            parameters,
            segments,
            suffixes,
            anchors: (suffixes == Some(Suffixes::Anchors)).then(|| Anchors::new(parameters.n)),
            filters,
            imported_filter,
            fuse_filter,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Length of an n-gram in code points.
    pub fn n(&self) -> usize {
        self.parameters.n
    }

    /// Occurrences of each of `texts`, normalised first, in all documents; overlapping ones count,
    /// and an empty text has none.
    pub fn counts(&self, texts: &[&str]) -> Result<Vec<u64>> {
        self.require_suffix("count occurrences")?;
        let normalization = self.parameters.normalization;
        let texts: Vec<_> = texts
            .iter()
            .map(|text| normalization.normalize(text))
            .collect();
        let patterns = texts
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.is_empty());
        let (places, patterns): (Vec<usize>, Vec<&str>) =
            patterns.map(|(place, text)| (place, text.as_ref())).unzip();
        let found = locate::occurrences(&self.text_indexes(), self.anchors.as_ref(), &patterns);
        let mut counts = vec![0; texts.len()];
        for (place, found) in places.into_iter().zip(found) {
            counts[place] = found as u64;
        }
        Ok(counts)
    }

    /// Occurrences of one text, as `counts` has them.
    pub fn count(&self, text: &str) -> Result<u64> {
        Ok(self.counts(&[text])?[0])
    }

    /// Whether `text`, normalised first, stands in some document.
    ///
    /// Without a suffix index: whether the filter holds all of its n-grams, which is necessary but
    /// not sufficient.
    pub fn contains(&self, text: &str) -> Result<bool> {
        if self.suffixes.is_some() {
            return Ok(self.count(text)? > 0);
        }
        let quip = self.quip(text, false)?;
        match quip.denominator {
            0 => self.missing_suffix("look up a text shorter than n"),
            ngrams => Ok(quip.numerator == ngrams),
        }
    }

    /// The document of an identity.
    pub fn document(&self, source: &str, id: &str) -> Result<StoredDocument<'_>> {
        self.require_suffix("give back documents")?;
        for segment in &self.segments {
            if let Some(document) = segment.documents().find(source, id)? {
                return Ok(StoredDocument {
                    record: segment.documents().record(document)?,
                    text: segment.document_text(document)?,
                });
            }
        }
        Err(Error::UnknownDocument {
            path: self.path.clone(),
            source_name: source.to_owned(),
            id: id.to_owned(),
        })
    }

    /// The document at a position in the order of the corpus; none past the last.
    pub fn document_at(&self, position: usize) -> Result<Option<StoredDocument<'_>>> {
        self.require_suffix("give back documents")?;
        let mut document = position;
        for segment in &self.segments {
            let count = segment.documents().len();
            if document < count {
                return Ok(Some(StoredDocument {
                    record: segment.documents().record(document)?,
                    text: segment.document_text(document)?,
                }));
            }
            document -= count;
        }
        Ok(None)
    }

    fn has_filter(&self) -> bool {
        self.has_hash_filter() || self.imported_filter.is_some()
    }

    /// Whether a filter holds the hashes of this index, and not those of another program.
    fn has_hash_filter(&self) -> bool {
        !self.filters.is_empty() || self.fuse_filter.is_some()
    }

    fn text_indexes(&self) -> Vec<TextIndex<'_>> {
        self.segments.iter().map(Segment::index).collect()
    }

    fn blooms(&self) -> impl Iterator<Item = Bloom<'_>> {
        self.filters.iter().map(|file| {
            Bloom::new(file.section(FILTER_WORDS)).expect("checked when the filter was opened")
        })
    }

    fn require_suffix(&self, task: &'static str) -> Result<()> {
        match self.suffixes {
            Some(_) => Ok(()),
            None => self.missing_suffix(task),
        }
    }

    fn missing_suffix<T>(&self, task: &'static str) -> Result<T> {
        Err(Error::Missing {
            path: self.path.clone(),
            missing: "suffix index",
            task,
            remedy: NO_SUFFIX,
        })
    }
}

fn open_filter(path: &Path, entry: &FilterEntry, parameters: Parameters) -> Result<MappedFile> {
    let file = MappedFile::open(path.join(&entry.file.name), Kind::Filter, parameters)?;
    file.advise_random();
    match Bloom::new(file.section(FILTER_WORDS)) {
        Some(_) => Ok(file),
        None => Err(Error::damaged(file.path(), "it holds no whole blocks")),
    }
}
