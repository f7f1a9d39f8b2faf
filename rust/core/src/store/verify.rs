//! Reads every file of an index and compares it with the manifest; opening an index does not.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::checksum::checksum_of;
use super::manifest::Manifest;
use crate::error::Result;

/// A file that differs from the one that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub path: PathBuf,
    pub what: String,
}

/// Reads every file of the index in `directory` and compares it with the manifest.
///
/// Calls `progress` with the bytes read since the last call. An error from it ends the reading.
pub fn verify(
    directory: &Path,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<Vec<Damage>> {
    let mut manifest = Manifest::read(directory)?;
    loop {
        let damages = compare(directory, &manifest, &mut progress)?;
        // A change to the index removes files that only the previous manifest named.
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
        // The size is taken from the open file: a change to the index may remove it meanwhile.
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
