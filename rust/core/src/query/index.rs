//! An open index: immutable mapped files, which any number of threads can query at once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::filters::Filters;
use super::member::{Files, Member};
use crate::error::{Error, Result};
use crate::memory::cold::Pace;
use crate::store::documents::Record;
use crate::store::header::Parameters;
use crate::store::segment::Segment;
use crate::suffix::text_index::{Suffixes, TextIndex};
use crate::text::anchors::Anchors;
use crate::text::ngram::NgramHasher;

const NO_SUFFIX: &str = "build one with --structures bloom,suffix";

pub struct Index {
    /// What messages call it.
    pub(super) name: PathBuf,
    /// The indexes of one directory each that it consists of; mostly one.
    pub(super) members: Vec<Member>,
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
        Self::open_together(path, &[path.to_owned()])
    }

    /// Opens the indexes in the directories `paths` as one, whose documents are those of the first, then those of the
    /// second, and so on. `name` stands for them in messages.
    pub fn open_together(name: &Path, paths: &[PathBuf]) -> Result<Self> {
        let (mut members, mut files): (Vec<Member>, Vec<Files>) = (Vec::new(), Vec::new());
        let mut places = HashSet::new();
        for path in paths {
            let (member, opened) = Member::open(path)?;
            let place = || path.canonicalize().map_err(Error::io("open", path));
            if paths.len() > 1 && !places.insert(place()?) {
                return Err(Error::Refused {
                    path: path.clone(),
                    what: "is named twice".to_owned(),
                    remedy: "name each index once",
                });
            }
            if let Some(first) = members.first() {
                first.check_alike(&member)?;
            }
            members.push(member);
            files.push(opened);
        }
        let Some((first, parameters)) =
            members.first().zip(files.first().map(|one| one.parameters))
        else {
            let message = "no index to open: name one or more";
            return Err(Error::Usage(message.to_owned()));
        };
        let suffixes = first.manifest.suffixes();
        let (segments, filters): (Vec<_>, Vec<_>) = files
            .into_iter()
            .map(|one| (one.segments, one.filters))
            .unzip();
        Ok(Self {
            name: name.to_owned(),
            hasher: NgramHasher::new(parameters.n),
            parameters,
            segments: segments.into_iter().flatten().collect(),
            suffixes,
            anchors: (suffixes == Some(Suffixes::Anchors)).then(|| Anchors::new(parameters.n)),
            filters: Filters::together(filters),
            pace: Pace::default(),
            members,
        })
    }

    /// Fails if a file was cut since the index was opened. What was read from it may then have been zeros, so an answer
    /// counts only if this succeeds after it.
    pub fn check_whole(&self) -> Result<()> {
        self.segments.iter().try_for_each(Segment::check_whole)?;
        self.filters.check_whole()
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
            path: self.name.clone(),
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
            path: self.name.clone(),
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
