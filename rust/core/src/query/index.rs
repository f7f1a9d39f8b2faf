//! An open index: immutable mapped files, which any number of threads can query at once.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::filters::Filters;
use crate::error::{Error, Result};
use crate::memory::cold::Pace;
use crate::store::documents::Record;
use crate::store::header::Parameters;
use crate::store::manifest::Manifest;
use crate::store::segment::Segment;
use crate::suffix::text_index::{Suffixes, TextIndex};
use crate::text::anchors::Anchors;
use crate::text::ngram::NgramHasher;
use crate::text::normalization::Normalization;

const NO_SUFFIX: &str = "build one with --structures bloom,suffix";

pub struct Index {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) parameters: Parameters,
    pub(super) hasher: NgramHasher,
    pub(super) segments: Vec<Segment>,
    /// The suffixes that the segments sort; None without a suffix index.
    pub(super) suffixes: Option<Suffixes>,
    /// The anchors of a lean index.
    pub(super) anchors: Option<Anchors>,
    pub(super) filters: Filters,
    /// The pace of searches in the segments.
    pub(super) pace: Pace,
}

/// A document as the index stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument<'a> {
    pub record: Record<'a>,
    /// The original text if the index folds, otherwise the normalised text.
    pub text: Cow<'a, str>,
}

impl Index {
    /// Opens the index in the directory `path`. Reads the manifest and the header of every file.
    pub fn open(path: &Path) -> Result<Self> {
        let mut manifest = Manifest::read(path)?;
        loop {
            let checksum = manifest.checksum.clone();
            match Self::open_files(path, manifest) {
                // A change to the index removes files that only the previous manifest named.
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
        Ok(Self {
            path: path.to_owned(),
            hasher: NgramHasher::new(parameters.n),
            parameters,
            segments,
            suffixes,
            anchors: (suffixes == Some(Suffixes::Anchors)).then(|| Anchors::new(parameters.n)),
            filters: Filters::open(path, &manifest.filters, parameters)?,
            pace: Pace::default(),
            manifest,
        })
    }

    /// Fails if a file was cut since the index was opened. What was read from it may then have been zeros, so an answer
    /// counts only if this succeeds after it.
    pub fn check_whole(&self) -> Result<()> {
        self.segments.iter().try_for_each(Segment::check_whole)?;
        self.filters.check_whole()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether the index keeps the text and can find any string in it.
    pub fn has_suffix_index(&self) -> bool {
        self.suffixes.is_some()
    }

    /// Returns the length of an n-gram in code points.
    pub fn n(&self) -> usize {
        self.parameters.n
    }

    /// Returns how the texts of the index are normalised.
    pub fn normalization(&self) -> Normalization {
        self.parameters.normalization
    }

    /// Returns the anchors of a lean index.
    pub(crate) fn anchors(&self) -> Option<&Anchors> {
        self.anchors.as_ref()
    }

    /// Returns the text of a document as the index searches it: normalised, and not to be normalised again.
    pub fn normalized_text(&self, source: &str, id: &str) -> Result<&str> {
        let (segment, document) = self.place(source, id)?;
        segment.document_text(document)
    }

    /// Returns the document of an identity.
    pub fn document(&self, source: &str, id: &str) -> Result<StoredDocument<'_>> {
        let (segment, document) = self.place(source, id)?;
        stored(segment, document)
    }

    /// Returns the segment that contains the document of an identity, and the document's number in it.
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

    /// Returns the document at a position in the order of the corpus, or None after the last.
    pub fn document_at(&self, position: usize) -> Result<Option<StoredDocument<'_>>> {
        self.require_suffix("give back documents")?;
        let found = self.segment_of(position);
        found
            .map(|(segment, document)| stored(&self.segments[segment], document))
            .transpose()
    }

    /// Returns the segment of the document at a position in the order of the corpus, and its number there.
    pub(super) fn segment_of(&self, position: usize) -> Option<(usize, usize)> {
        let mut document = position;
        for (number, segment) in self.segments.iter().enumerate() {
            let count = segment.documents().len();
            if document < count {
                return Some((number, document));
            }
            document -= count;
        }
        None
    }

    pub(crate) fn text_indexes(&self) -> Result<Vec<TextIndex<'_>>> {
        self.segments.iter().map(Segment::index).collect()
    }

    pub(super) fn require_suffix(&self, task: &'static str) -> Result<()> {
        match self.has_suffix_index() {
            true => Ok(()),
            false => self.missing_suffix(task),
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

pub(super) fn stored(segment: &Segment, document: usize) -> Result<StoredDocument<'_>> {
    Ok(StoredDocument {
        record: segment.documents().record(document)?,
        text: segment.original_text(document)?,
    })
}
