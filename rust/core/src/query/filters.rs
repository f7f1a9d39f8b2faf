//! The filters of an open index.

use std::path::Path;

use crate::error::Result;
use crate::filter_files::bloom::file::BloomFile;
use crate::filter_files::fuse::file::FuseFile;
use crate::filter_files::redis_bloom::file::ImportedFilter;
use crate::store::header::Parameters;
use crate::store::manifest::FilterEntries;
use crate::text::ngram::NgramHasher;

/// The filters of an index, which tell whether it may hold an n-gram.
pub enum Filters {
    None,
    /// Each one covers some of the documents.
    Blooms(Vec<BloomFile>),
    Fuse(FuseFile),
    Imported(ImportedFilter),
}

impl Filters {
    pub fn open(directory: &Path, entries: &FilterEntries, parameters: Parameters) -> Result<Self> {
        Ok(match entries {
            FilterEntries::None => Self::None,
            FilterEntries::Blooms(entries) => {
                let open = |entry| BloomFile::open(directory, entry, parameters);
                let files: Vec<BloomFile> = entries.iter().map(open).collect::<Result<_>>()?;
                files.iter().for_each(BloomFile::advise_random);
                Self::Blooms(files)
            }
            FilterEntries::Fuse(entry) => Self::Fuse(FuseFile::open(directory, entry, parameters)?),
            FilterEntries::Imported(entry) => {
                Self::Imported(ImportedFilter::open(directory, entry, parameters)?)
            }
        })
    }

    /// Fails if a file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Blooms(files) => files.iter().try_for_each(BloomFile::check_whole),
            Self::Fuse(file) => file.check_whole(),
            Self::Imported(file) => file.check_whole(),
        }
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Returns, for each window of a normalised text, whether a filter holds it. The result is empty without a
    /// filter.
    pub fn hits(&self, hasher: &NgramHasher, text: &str) -> Vec<bool> {
        let mut hits = Vec::new();
        match self {
            Self::None => {}
            Self::Imported(filter) => {
                filter.for_each_chunk(text, |chunk| hits.extend_from_slice(chunk));
            }
            Self::Blooms(_) | Self::Fuse(_) => {
                let mut hashes = Vec::new();
                hasher.extend_hashes(text, &mut hashes);
                hits.resize(hashes.len(), false);
                self.mark(&hashes, &mut hits);
            }
        }
        hits
    }

    /// Calls `sink` with the same answers, a few hundred windows at a time.
    pub fn for_each_chunk(&self, hasher: &NgramHasher, text: &str, mut sink: impl FnMut(&[bool])) {
        if let Self::Imported(filter) = self {
            filter.for_each_chunk(text, sink);
            return;
        }
        let mut hits = Vec::new();
        hasher.for_each_chunk(text, |hashes| {
            hits.clear();
            hits.resize(hashes.len(), false);
            self.mark(hashes, &mut hits);
            sink(&hits);
        });
    }

    /// Sets `hits[i]` if a filter of our hashes may hold `hashes[i]`.
    fn mark(&self, hashes: &[u64], hits: &mut [bool]) {
        match self {
            Self::None | Self::Imported(_) => {}
            Self::Blooms(files) => files.iter().for_each(|file| file.mark_hits(hashes, hits)),
            Self::Fuse(file) => file.mark_hits(hashes, hits),
        }
    }
}
