//! Names of the files of an index that have no number.

pub const MANIFEST: &str = "manifest.json";
/// The next manifest, until it is complete.
pub const PARTIAL_MANIFEST: &str = "manifest.json.partial";
/// Locked by the writer of the directory. An index keeps the file, since removing it could let two writers in.
pub const LOCK: &str = "build.lock";
