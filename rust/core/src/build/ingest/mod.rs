//! Files of documents: JSONL and plain text, however they are compressed and encoded.

mod encoding;
mod fields;
mod formats;
mod input;
mod jsonl;
mod not_a_number;
mod record;
mod txt;

pub use fields::{Key, Keys, SourceName};
pub use formats::ingest;
pub use input::{Format, IngestOptions};
