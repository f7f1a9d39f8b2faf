//! Chooses the reader for a file.

use super::input::{IngestOptions, Input};
use super::{jsonl, txt};
use crate::build::builder::Builder;
use crate::error::Result;

/// Adds the documents of one input to `builder`.
///
/// A file that ends in `.txt` is one document; any other file is JSONL. `progress` is called after each batch with
/// the bytes read from the disk so far. An error from it ends the reading.
pub fn ingest(
    builder: &mut Builder,
    input: &Input,
    options: &IngestOptions,
    progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    match input {
        Input::File(path) if path.extension().is_some_and(|ending| ending == "txt") => {
            txt::ingest(builder, path, options, progress)
        }
        _ => jsonl::ingest(builder, input, options, progress),
    }
}
