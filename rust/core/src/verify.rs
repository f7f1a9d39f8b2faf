//! Checksums of whole files: what opening an index leaves unread.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::manifest::Manifest;

const CHUNK: usize = 1 << 20;

/// xxh3 (64 bits) of a file, in hexadecimal.
pub fn checksum(path: &Path) -> Result<String> {
    checksum_with(path, &mut |_| Ok(()))
}

/// The same, telling `progress` the bytes read since it was last called; its error ends the reading.
pub fn checksum_with(path: &Path, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<String> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    checksum_of(file, path, progress)
}

fn checksum_of(
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

/// A file that is not what the build left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub path: PathBuf,
    pub what: String,
}

/// Read every file of the index in `directory` and compare it with the manifest.
///
/// `progress` is told the bytes read since it was last called; its error ends the reading.
pub fn verify(
    directory: &Path,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<Vec<Damage>> {
    let mut manifest = Manifest::read(directory)?;
    loop {
        let damages = compare(directory, &manifest, &mut progress)?;
        // A change to the index removes files that only the manifest before it named.
        match Manifest::read(directory)? {
            now if damages.is_empty() || now.checksum == manifest.checksum => return Ok(damages),
            now => manifest = now,
        }
    }
}

fn compare(
    directory: &Path,
    manifest: &Manifest,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Vec<Damage>> {
    let mut damages = Vec::new();
    for entry in manifest.files() {
        let path = directory.join(&entry.name);
        // Opened at once: a change to the index may remove it while it is read.
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let what = format!("cannot be read: {error}");
                damages.push(Damage { path, what });
                continue;
            }
        };
        let what = if size != entry.size {
            Some(format!("{size} bytes long instead of {}", entry.size))
        } else {
            let found = checksum_of(file, &path, progress)?;
            (found != entry.xxh3).then(|| format!("checksum {found} instead of {}", entry.xxh3))
        };
        damages.extend(what.map(|what| Damage { path, what }));
    }
    Ok(damages)
}
