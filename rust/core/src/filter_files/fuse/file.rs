//! The file of a filter, mapped into memory.

use std::path::Path;

use crate::error::{Error, Result};
use crate::filter::fuse::{Fuse, Partition};
use crate::store::container::MappedFile;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::FuseFilterEntry;

const FINGERPRINTS: usize = 0;
const DIRECTORY: usize = 1;

/// A filter that is queried in place.
pub struct FuseFile {
    file: MappedFile,
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
        Ok(Self { file })
    }

    /// Fails if the file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.file.check_whole()
    }

    /// Returns the filter in the mapped file.
    pub fn fuse(&self) -> Fuse<'_> {
        Fuse::new(
            self.file.section(DIRECTORY),
            self.file.section(FINGERPRINTS),
        )
    }
}
