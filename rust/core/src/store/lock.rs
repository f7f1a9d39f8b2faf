//! One writer at a time in a directory.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::names::LOCK;
use crate::error::{Error, Result};

/// Locks `directory` against other writers until the file is closed. `other` is what the error message calls them.
pub fn lock(directory: &Path, other: &str) -> Result<File> {
    lock_with(directory, other, File::try_lock)
}

fn lock_with(
    directory: &Path,
    other: &str,
    try_lock: impl FnOnce(&File) -> std::result::Result<(), TryLockError>,
) -> Result<File> {
    let path = directory.join(LOCK);
    let is_new = !path.exists();
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    match try_lock(&file) {
        // A build that has just ended removes its lock.
        Ok(()) if is_at(&file, &path) => Ok(file),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(Error::Usage(format!(
            "{}: another {other} is writing here: wait for it, or choose another output",
            directory.display()
        ))),
        Err(TryLockError::Error(error)) if is_without_locks(&error) => {
            if is_new {
                // It locks nothing, and nobody else has seen it.
                let _ = fs::remove_file(&path);
            }
            Err(Error::Usage(format!(
                "{}: its file system has no locks ({error}), so two commands could write here at once; write the index \
                 on a local disk, and copy it here when it is complete",
                directory.display()
            )))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

/// Whether the file system, and not this file, is why there is no lock.
fn is_without_locks(error: &io::Error) -> bool {
    // NFS without a lock daemon, Lustre without `-o flock`, and FUSE file systems that do not implement it.
    const NONE: [i32; 4] = [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOTSUP];
    error
        .raw_os_error()
        .is_some_and(|code| NONE.contains(&code))
}

/// Whether `file` is still the file at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i32, directory: &Path) -> String {
        let fail = |_: &File| Err(TryLockError::Error(io::Error::from_raw_os_error(code)));
        let refused = lock_with(directory, "build", fail).map(drop);
        refused.unwrap_err().to_string()
    }

    #[test]
    fn a_file_system_without_locks_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        for code in [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP] {
            let message = refusal(code, folder.path());
            assert!(message.contains("has no locks"), "{message}");
            assert!(message.contains("on a local disk"), "{message}");
            assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        }
        assert!(refusal(libc::EIO, folder.path()).starts_with("cannot lock"));
    }

    #[test]
    fn one_writer_keeps_the_others_out_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path(), "build").unwrap();
        let refused = lock(folder.path(), "build").unwrap_err().to_string();
        assert!(
            refused.contains("another build is writing here"),
            "{refused}"
        );
        drop(held);
        lock(folder.path(), "build").unwrap();
    }
}
