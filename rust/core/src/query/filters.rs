//! The filters of an open index.

use std::path::Path;

use crate::error::Result;
use crate::filter_files::bloom::file::BloomFile;
use crate::filter_files::fuse::file::FuseFile;
use crate::filter_files::redis_bloom::file::ImportedFilter;
use crate::store::header::Parameters;
use crate::store::manifest::FilterEntries;
use crate::text::ngram::NgramHasher;

/// The filters of an index, of any kinds, which tell together whether it may hold an n-gram: each covers some of the
/// documents. There may be none.
#[derive(Default)]
pub struct Filters {
    files: Vec<FilterFile>,
}

enum FilterFile {
    Bloom(BloomFile),
    Fuse(FuseFile),
    Imported(ImportedFilter),
}

impl Filters {
    pub fn open(directory: &Path, entries: &FilterEntries, parameters: Parameters) -> Result<Self> {
        let files = match entries {
            FilterEntries::None => Vec::new(),
            FilterEntries::Blooms(entries) => {
                let open = |entry| BloomFile::open(directory, entry, parameters);
                let files: Vec<BloomFile> = entries.iter().map(open).collect::<Result<_>>()?;
                files.iter().for_each(BloomFile::advise_random);
                files.into_iter().map(FilterFile::Bloom).collect()
            }
            FilterEntries::Fuse(entry) => {
                let file = FuseFile::open(directory, entry, parameters)?;
                vec![FilterFile::Fuse(file)]
            }
            FilterEntries::Imported(entry) => {
                let file = ImportedFilter::open(directory, entry, parameters)?;
                vec![FilterFile::Imported(file)]
            }
        };
        Ok(Self { files })
    }

    /// Puts the filters of several corpora together. If one of them has none, there are none: those of the others do not
    /// tell what it holds.
    pub fn together(corpora: Vec<Self>) -> Self {
        match corpora.iter().any(Self::is_none) {
            true => Self::default(),
            false => Self {
                files: corpora.into_iter().flat_map(|one| one.files).collect(),
            },
        }
    }

    /// Fails if a file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.files.iter().try_for_each(|file| match file {
            FilterFile::Bloom(file) => file.check_whole(),
            FilterFile::Fuse(file) => file.check_whole(),
            FilterFile::Imported(file) => file.check_whole(),
        })
    }

    pub fn is_none(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns, for each window of a normalised text, whether a filter holds it. The result is empty without a
    /// filter.
    pub fn hits(&self, hasher: &NgramHasher, text: &str) -> Vec<bool> {
        let mut hits = Vec::new();
        if self.files.iter().any(FilterFile::is_ours) {
            let mut hashes = Vec::new();
            hasher.extend_hashes(text, &mut hashes);
            hits.resize(hashes.len(), false);
            self.mark(&hashes, &mut hits);
        }
        for filter in self.imported() {
            let mut start = 0;
            filter.for_each_chunk(text, |chunk| {
                let end = start + chunk.len();
                if hits.len() < end {
                    hits.resize(end, false);
                }
                for (hit, &theirs) in hits[start..end].iter_mut().zip(chunk) {
                    *hit |= theirs;
                }
                start = end;
            });
        }
        hits
    }

    /// Calls `sink` with the same answers, mostly a few hundred windows at a time.
    pub fn for_each_chunk(&self, hasher: &NgramHasher, text: &str, mut sink: impl FnMut(&[bool])) {
        if let [FilterFile::Imported(filter)] = self.files.as_slice() {
            filter.for_each_chunk(text, sink);
            return;
        }
        if self.imported().next().is_some() {
            // Their chunks are others than ours.
            sink(&self.hits(hasher, text));
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
        for file in &self.files {
            match file {
                FilterFile::Bloom(file) => file.mark_hits(hashes, hits),
                FilterFile::Fuse(file) => file.mark_hits(hashes, hits),
                FilterFile::Imported(_) => {}
            }
        }
    }

    fn imported(&self) -> impl Iterator<Item = &ImportedFilter> {
        self.files.iter().filter_map(|file| match file {
            FilterFile::Imported(filter) => Some(filter),
            _ => None,
        })
    }
}

impl FilterFile {
    /// Whether it holds n-grams by our hashes.
    fn is_ours(&self) -> bool {
        !matches!(self, Self::Imported(_))
    }
}
