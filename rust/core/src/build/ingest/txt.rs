//! Plain text: one document per file.
//!
//! Its source is the file's stem and its id "1", the line number. If all files have one source, the id is the stem
//! instead, so that identities differ.

use std::fs;
use std::path::Path;

use super::encoding::InvalidText;
use super::input::{IngestOptions, stem};
use super::record::SourceName;
use crate::build::builder::Builder;
use crate::build::places::{Document, Place};
use crate::error::{Error, Result};

pub fn ingest(
    builder: &mut Builder,
    path: &Path,
    options: &IngestOptions,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let input = builder.input(&path.display().to_string());
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let length = bytes.len() as u64;
    builder.add(vec![bytes], |bytes, _| {
        let Some(text) = decode(bytes, path, options.invalid_text)? else {
            return Ok(None);
        };
        let (source, id) = match &options.keys.source {
            SourceName::Fixed(source) => (source.clone(), stem(path)),
            SourceName::Key(_) => (stem(path), "1".to_owned()),
        };
        Ok(Some(Document {
            source,
            id,
            text,
            metadata: "{}".to_owned(),
            place: Place { input, line: 1 },
        }))
    })?;
    progress(length)
}

fn decode(bytes: Vec<u8>, path: &Path, invalid_text: InvalidText) -> Result<Option<String>> {
    let text = match (String::from_utf8(bytes), invalid_text) {
        (Ok(text), _) => text,
        (Err(error), InvalidText::Replace) => {
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
        (Err(_), InvalidText::Skip) => return Ok(None),
        (Err(error), InvalidText::Strict) => {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..valid]).count();
            return Err(Error::input(
                format_args!("{}:{line}", path.display()),
                format_args!("invalid UTF-8 after byte {valid} of the file"),
                "convert the file, or choose --errors replace or skip",
            ));
        }
    };
    Ok(Some(match text.strip_prefix('\u{FEFF}') {
        Some(text) => text.to_owned(),
        None => text,
    }))
}
