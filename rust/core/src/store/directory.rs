//! Removes directories, and forces them to the disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

pub fn remove_if_present(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(Error::io("remove", directory))?;
    }
    Ok(())
}

/// Force the names in `directory` to the disk, where its file system can.
pub fn sync_directory(directory: &Path) -> Result<()> {
    let synced = File::open(directory).and_then(|file| file.sync_all());
    passed_over(synced).map_err(Error::io("sync", directory))
}

/// Many network and FUSE file systems have no fsync of directories and say so in one of these ways. There, a rename is
/// as safe as the server makes it, and no program can do more (PostgreSQL, Git and RocksDB go on, too).
fn passed_over(synced: io::Result<()>) -> io::Result<()> {
    const CANNOT: [i32; 5] = [
        libc::EINVAL,
        libc::ENOTSUP,
        libc::EOPNOTSUPP,
        libc::ENOSYS,
        libc::EBADF,
    ];
    let cannot = |error: &io::Error| {
        let code = error.raw_os_error();
        code.is_some_and(|code| CANNOT.contains(&code))
    };
    match synced {
        Err(error) if cannot(&error) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_cannot_sync_directories_is_passed_over_and_a_broken_one_is_not() {
        let passed = |code| passed_over(Err(io::Error::from_raw_os_error(code))).is_ok();
        assert!(
            [libc::EINVAL, libc::ENOTSUP, libc::EOPNOTSUPP, libc::ENOSYS].map(passed) == [true; 4]
        );
        assert!([libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::ENOENT].map(passed) == [false; 4]);
    }
}
