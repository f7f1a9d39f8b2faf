//! One writer at a time in a directory.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::names::LOCK;
use crate::error::{Error, Result};

/// Locks `directory` against other writers until the file is closed. `other` is what the error message calls them.
pub fn lock(directory: &Path, other: &str) -> Result<File> {
    let path = directory.join(LOCK);
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    match file.try_lock() {
        // A build that has just ended removes its lock.
        Ok(()) if is_at(&file, &path) => Ok(file),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(Error::Usage(format!(
            "{}: another {other} is writing here: wait for it, or choose another output",
            directory.display()
        ))),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

/// Whether `file` is still the file at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match (file.metadata(), fs::metadata(path)) {
            (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}
