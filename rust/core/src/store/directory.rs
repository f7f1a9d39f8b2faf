//! Removes directories, and forces them to the disk.

use std::fs::{self, File};
use std::path::Path;

use crate::error::{Error, Result};

pub fn remove_if_present(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(Error::io("remove", directory))?;
    }
    Ok(())
}

pub fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync", directory))
}
