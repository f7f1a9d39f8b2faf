//! The file of a filter, mapped into memory.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::filter::bloom::Bloom;
use crate::memory::cold::Pace;
use crate::store::container::MappedFile;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::FilterEntry;

const WORDS: usize = 0;

/// More than a lookup takes if the page is in memory. It takes 0.02 microseconds, and up to 2 the first time that a
/// process uses the page.
const SLOW: Duration = Duration::from_micros(4);

/// A filter that is queried, or read, in place.
pub struct BloomFile {
    file: MappedFile,
    pace: Pace,
}

impl BloomFile {
    pub fn open(directory: &Path, entry: &FilterEntry, parameters: Parameters) -> Result<Self> {
        let path = directory.join(&entry.file.name);
        let file = MappedFile::open(path, Kind::Bloom, parameters)?;
        match Bloom::new(file.section(WORDS)) {
            Some(_) => Ok(Self {
                file,
                pace: Pace::default(),
            }),
            None => Err(Error::damaged(file.path(), "it holds no whole blocks")),
        }
    }

    /// Tells the operating system that the filter will be queried, not read in order.
    pub fn advise_random(&self) {
        self.file.advise_random();
    }

    /// Fails if the file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.file.check_whole()
    }

    pub fn words(&self) -> &[u64] {
        self.file.section(WORDS)
    }

    /// Sets `hits[i]` if the filter may hold `hashes[i]` and leaves the others. Pages that are not in memory are read
    /// side by side.
    pub fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        self.pace.of(hashes.len(), SLOW, |asks| {
            let bloom = self.bloom();
            if asks {
                bloom.ask_for(hashes);
            }
            bloom.mark_hits(hashes, hits);
        });
    }

    /// Returns the filter in the mapped file.
    pub fn bloom(&self) -> Bloom<'_> {
        Bloom::new(self.words()).expect("checked when the filter was opened")
    }
}
