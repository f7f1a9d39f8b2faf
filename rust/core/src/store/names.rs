//! Names of the files of an index.

use std::path::{Path, PathBuf};

pub fn text_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("segment-{number:05}.text"))
}

pub fn suffix_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("segment-{number:05}.suffix"))
}

pub fn records_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("segment-{number:05}.documents"))
}

pub const MANIFEST: &str = "manifest.json";

/// The next manifest, until it is complete.
pub const PARTIAL_MANIFEST: &str = "manifest.json.partial";

/// Held by whoever writes in the directory; left where it is, since its removal would let two in.
pub const LOCK: &str = "build.lock";
