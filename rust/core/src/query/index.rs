//! An open index: immutable mapped files, asked by any number of threads at once.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::filter::bloom::Bloom;
use crate::filter_files::fuse::file::FuseFile;
use crate::filter_files::redis_bloom::file::ImportedFilter;
use crate::store::container::MappedFile;
use crate::store::documents::Record;
use crate::store::header::{Kind, Parameters};
use crate::store::manifest::{FilterEntry, Manifest};
use crate::store::segment::Segment;
use crate::suffix::text_index::{Suffixes, TextIndex};
use crate::text::anchors::Anchors;
use crate::text::ngram::NgramHasher;

const FILTER_WORDS: usize = 0;
const NO_SUFFIX: &str = "build one with --structures bloom,suffix";

pub struct Index {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) parameters: Parameters,
    pub(super) hasher: NgramHasher,
    pub(super) segments: Vec<Segment>,
    /// What the segments sort; none without a suffix index.
    pub(super) suffixes: Option<Suffixes>,
    /// Those of a lean index.
    pub(super) anchors: Option<Anchors>,
    pub(super) filters: Vec<MappedFile>,
    pub(super) imported_filter: Option<ImportedFilter>,
    pub(super) fuse_filter: Option<FuseFile>,
}

/// A document as it stands in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument<'a> {
    pub record: Record<'a>,
    /// As given, where the index folds texts; otherwise normalised.
    pub text: Cow<'a, str>,
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

    /// The document of an identity.
    pub fn document(&self, source: &str, id: &str) -> Result<StoredDocument<'_>> {
        let (segment, document) = self.place(source, id)?;
        stored(segment, document)
    }

    /// The segment that contains the document of an identity, and the document's number there.
    pub(super) fn place(&self, source: &str, id: &str) -> Result<(&Segment, usize)> {
        self.require_suffix("give back documents")?;
        for segment in &self.segments {
            if let Some(document) = segment.documents().find(source, id)? {
                return Ok((segment, document));
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
                return stored(segment, document).map(Some);
            }
            document -= count;
        }
        Ok(None)
    }

    pub(super) fn has_filter(&self) -> bool {
        self.has_hash_filter() || self.imported_filter.is_some()
    }

    /// Whether a filter holds the hashes of this index, and not those of another program.
    pub(super) fn has_hash_filter(&self) -> bool {
        !self.filters.is_empty() || self.fuse_filter.is_some()
    }

    pub(super) fn text_indexes(&self) -> Vec<TextIndex<'_>> {
        self.segments.iter().map(Segment::index).collect()
    }

    pub(super) fn blooms(&self) -> impl Iterator<Item = Bloom<'_>> {
        self.filters.iter().map(|file| {
            Bloom::new(file.section(FILTER_WORDS)).expect("checked when the filter was opened")
        })
    }

    pub(super) fn require_suffix(&self, task: &'static str) -> Result<()> {
        match self.suffixes {
            Some(_) => Ok(()),
            None => self.missing_suffix(task),
        }
    }

    pub(super) fn missing_suffix<T>(&self, task: &'static str) -> Result<T> {
        Err(Error::Missing {
            path: self.path.clone(),
            missing: "suffix index",
            task,
            remedy: NO_SUFFIX,
        })
    }
}

fn stored(segment: &Segment, document: usize) -> Result<StoredDocument<'_>> {
    Ok(StoredDocument {
        record: segment.documents().record(document)?,
        text: segment.original_text(document)?,
    })
}

fn open_filter(path: &Path, entry: &FilterEntry, parameters: Parameters) -> Result<MappedFile> {
    let file = MappedFile::open(path.join(&entry.file.name), Kind::Filter, parameters)?;
    file.advise_random();
    match Bloom::new(file.section(FILTER_WORDS)) {
        Some(_) => Ok(file),
        None => Err(Error::damaged(file.path(), "it holds no whole blocks")),
    }
}
