//! Chooses the reader for a file.

use super::input::{Format, IngestOptions};
use super::{jsonl, txt};
use crate::build::builder::Builder;
use crate::error::Result;
use crate::reading::source::Input;

/// Adds the documents of one input to `builder`.
///
/// `progress` is told, after each batch, the bytes read from the disk so far; its error ends the reading.
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
