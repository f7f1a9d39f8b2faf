//! Reads documents from files of JSONL and plain text.

mod documents;
mod encoding;
mod fields;
mod formats;
mod input;
mod jsonl;
mod not_a_number;
mod record;
mod txt;

pub use documents::{DocumentReader, Record};
pub use fields::{Key, Keys, SourceName};
pub use formats::ingest;
pub use input::{Format, IngestOptions};
