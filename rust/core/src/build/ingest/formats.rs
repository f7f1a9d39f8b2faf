//! Chooses the reader for a file.

use super::input::{Format, IngestOptions};
use super::{jsonl, txt};
use crate::build::builder::Builder;
use crate::error::Result;
use crate::reading::source::Input;

/// Adds the documents of one input to `builder`.
///
/// Calls `progress` after each batch with the bytes read from the disk so far. Its error ends the reading.
pub fn ingest(
    builder: &mut Builder,
    input: &Input,
    options: &IngestOptions,
    progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    match options.format {
        Format::Jsonl => jsonl::ingest(builder, input, options, progress),
        Format::Text => txt::ingest(builder, input, options, progress),
    }
}
