//! Queries an imported filter for every window of a text.

use std::path::Path;

use super::header::is_possible;
use crate::error::{Error, Result};
use crate::filter::redis_bloom::murmur::WindowHashes;
use crate::filter::redis_bloom::probes::{Modulus, Probes};
use crate::store::container::MappedFile;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::ImportedFilterEntry;

const BITS: usize = 0;

/// The bits of a filter, mapped into memory.
pub struct ImportedFilter {
    file: MappedFile,
    n: usize,
    hashes: u32,
    modulus: Modulus,
}

impl ImportedFilter {
    pub fn open(
        directory: &Path,
        entry: &ImportedFilterEntry,
        parameters: Parameters,
    ) -> Result<Self> {
        let path = directory.join(&entry.file.name);
        let file = MappedFile::open(path, Kind::RedisBloom, parameters)?;
        file.advise_random();
        let bytes = file.section::<u8>(BITS).len() as u64;
        if !is_possible(entry.bits, bytes, entry.hashes) {
            let what = format_args!(
                "{bytes} bytes for {} bits and {} hashes",
                entry.bits, entry.hashes
            );
            return Err(Error::damaged(file.path(), what));
        }
        Ok(Self {
            file,
            n: parameters.n,
            hashes: entry.hashes,
            modulus: Modulus::new(entry.bits),
        })
    }

    /// Fails if the file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.file.check_whole()
    }

    /// Calls `sink` with whether the filter holds each window of a normalised text, in order, a few hundred windows
    /// at a time.
    pub fn for_each_chunk(&self, text: &str, mut sink: impl FnMut(&[bool])) {
        let bits = self.file.section(BITS);
        let mut probes = Probes::default();
        WindowHashes::for_each_chunk(text, self.n, |hashes| {
            probes.run(bits, self.modulus, self.hashes, hashes);
            sink(&probes.hits);
        });
    }
}
