//! The file of a filter, mapped into memory.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::filter::fuse::{Fuse, Partition};
use crate::memory::cold::Pace;
use crate::store::container::MappedFile;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::FuseFilterEntry;

const FINGERPRINTS: usize = 0;
const DIRECTORY: usize = 1;

/// More than a lookup takes if the page is in memory. It takes 0.02 microseconds, and up to 2 the first time that a
/// process uses the page.
const SLOW: Duration = Duration::from_micros(4);

/// A filter that is queried in place.
pub struct FuseFile {
    file: MappedFile,
    pace: Pace,
}

impl FuseFile {
    /// Maps the filter of `entry` and checks its directory.
    pub fn open(directory: &Path, entry: &FuseFilterEntry, parameters: Parameters) -> Result<Self> {
        let path = directory.join(&entry.file.name);
        let file = MappedFile::open(path, Kind::Fuse, parameters)?;
        file.advise_random();
        let slots = file.section::<u16>(FINGERPRINTS).len() as u64;
        let partitions: &[Partition] = file.section(DIRECTORY);
        if partitions.len() as u64 != entry.partitions {
            let what = format_args!(
                "{} partitions instead of {}",
                partitions.len(),
                entry.partitions
            );
            return Err(Error::damaged(file.path(), what));
        }
        let impossible = |partition: &Partition| !partition.is_possible(slots);
        if let Some(number) = partitions.iter().position(impossible) {
            let what = format_args!("partition {number} is not inside it");
            return Err(Error::damaged(file.path(), what));
        }
        Ok(Self {
            file,
            pace: Pace::default(),
        })
    }

    /// Fails if the file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.file.check_whole()
    }

    /// Sets `hits[i]` if the filter may hold `hashes[i]` and leaves the others. Pages that are not in memory are read
    /// side by side.
    pub fn mark_hits(&self, hashes: &[u64], hits: &mut [bool]) {
        self.pace.of(hashes.len(), SLOW, |asks| {
            let fuse = self.fuse();
            if asks {
                fuse.ask_for(hashes);
            }
            fuse.mark_hits(hashes, hits);
        });
    }

    /// Returns the filter in the mapped file.
    pub fn fuse(&self) -> Fuse<'_> {
        Fuse::new(
            self.file.section(DIRECTORY),
            self.file.section(FINGERPRINTS),
        )
    }
}
