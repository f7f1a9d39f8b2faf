//! Names of the files of an index that have no number.

pub const MANIFEST: &str = "manifest.json";
/// The next manifest, until it is complete.
pub const PARTIAL_MANIFEST: &str = "manifest.json.partial";
/// Held by whoever writes in the directory; left where it is, since its removal would let two in.
pub const LOCK: &str = "build.lock";
