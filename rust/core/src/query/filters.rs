//! The filters of an open index.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;
use crate::filter_files::bloom::file::BloomFile;
use crate::filter_files::fuse::file::FuseFile;
use crate::filter_files::redis_bloom::file::ImportedFilter;
use crate::memory::cold::Pace;
use crate::store::header::Parameters;
use crate::store::manifest::FilterEntries;
use crate::text::ngram::NgramHasher;

/// More than a lookup takes if the page is in memory. It takes 0.02 microseconds, and up to 2 the first time that a
/// process uses the page.
const SLOW: Duration = Duration::from_micros(4);

/// The filters of an index, of any kinds, which tell together whether it may hold an n-gram: each covers some of the
/// documents. There may be none.
#[derive(Default)]
pub struct Filters {
    files: Vec<FilterFile>,
}

enum FilterFile {
    Ours(OurFile, Pace),
    Imported(ImportedFilter),
}

/// A filter of our hashes.
enum OurFile {
    Bloom(BloomFile),
    Fuse(FuseFile),
}

impl Filters {
    pub fn open(directory: &Path, entries: &FilterEntries, parameters: Parameters) -> Result<Self> {
        let ours = |file| FilterFile::Ours(file, Pace::default());
        let files = match entries {
            FilterEntries::None => Vec::new(),
            FilterEntries::Blooms(entries) => {
                let open = |entry| BloomFile::open(directory, entry, parameters);
                let files: Vec<BloomFile> = entries.iter().map(open).collect::<Result<_>>()?;
                files.iter().for_each(BloomFile::advise_random);
                files.into_iter().map(OurFile::Bloom).map(ours).collect()
            }
            FilterEntries::Fuse(entry) => {
                let file = FuseFile::open(directory, entry, parameters)?;
                vec![ours(OurFile::Fuse(file))]
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
            FilterFile::Ours(OurFile::Bloom(file), _) => file.check_whole(),
            FilterFile::Ours(OurFile::Fuse(file), _) => file.check_whole(),
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

    /// Sets `hits[i]` if a filter of our hashes may hold `hashes[i]`. Pages that are not in memory are read side by side.
    fn mark(&self, hashes: &[u64], hits: &mut [bool]) {
        for file in &self.files {
            if let FilterFile::Ours(file, pace) = file {
                pace.of(hashes.len(), SLOW, |asks| {
                    if asks {
                        file.ask_for(hashes);
                    }
                    file.mark_hits(hashes, hits);
                });
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

impl OurFile {
    /// Sets `hits[i]` if the filter may hold `hashes[i]` and leaves the others.
    fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        match self {
            Self::Bloom(file) => file.bloom().mark_hits(hashes, hits),
            Self::Fuse(file) => file.fuse().mark_hits(hashes, hits),
        }
    }

    /// Asks for the pages that `mark_hits` reads, unless they are in memory.
    fn ask_for(&self, hashes: &[u64]) {
        match self {
            Self::Bloom(file) => file.bloom().ask_for(hashes),
            Self::Fuse(file) => file.fuse().ask_for(hashes),
        }
    }
}
