//! Files of documents: JSONL, plain or compressed, and plain text.

mod encoding;
mod formats;
mod input;
mod jsonl;
mod reader;
mod record;
mod txt;

pub use encoding::InvalidText;
pub use formats::ingest;
pub use input::{IngestOptions, Input};
pub use record::{Key, Keys, SourceName};
