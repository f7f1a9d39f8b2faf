//! Checksums of whole files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};

const CHUNK: usize = 1 << 20;

/// Returns the xxh3 (64 bits) of a file, in hexadecimal.
pub fn checksum(path: &Path) -> Result<String> {
    checksum_with(path, &mut |_| Ok(()))
}

/// Does the same and calls `progress` with the bytes read since the last call. An error from it ends the reading.
pub fn checksum_with(path: &Path, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<String> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    checksum_of(file, path, progress)
}

pub(super) fn checksum_of(
    mut file: File,
    path: &Path,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<String> {
    let mut hasher = Xxh3::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(Error::io("read", path))? {
            0 => return Ok(format!("{:016x}", hasher.digest())),
            length => {
                hasher.update(&chunk[..length]);
                progress(length as u64)?;
            }
        }
    }
}
