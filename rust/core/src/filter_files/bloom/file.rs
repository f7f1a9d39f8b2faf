//! The file of a filter, mapped into memory.

use std::path::Path;

use crate::error::{Error, Result};
use crate::filter::bloom::Bloom;
use crate::store::container::MappedFile;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::FilterEntry;

const WORDS: usize = 0;

/// A filter that is queried, or read, in place.
pub struct BloomFile {
    file: MappedFile,
}

impl BloomFile {
    pub fn open(directory: &Path, entry: &FilterEntry, parameters: Parameters) -> Result<Self> {
        let path = directory.join(&entry.file.name);
        let file = MappedFile::open(path, Kind::Bloom, parameters)?;
        match Bloom::new(file.section(WORDS)) {
            Some(_) => Ok(Self { file }),
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

    /// Returns the filter in the mapped file.
    pub fn bloom(&self) -> Bloom<'_> {
        Bloom::new(self.words()).expect("checked when the filter was opened")
    }
}
