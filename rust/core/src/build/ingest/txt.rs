//! Plain text: each file is one document.

use std::io::Read;

use super::encoding;
use super::fields::SourceName;
use super::input::IngestOptions;
use crate::build::builder::Builder;
use crate::build::left_out::{BadRecord, BadRecords};
use crate::build::places::{Document, Numbering, Place};
use crate::error::Result;
use crate::reading::fault::explain;
use crate::reading::lines::LONGEST;
use crate::reading::opener::Text;
use crate::reading::source::Input;

/// The bytes that are read between two reports of progress.
const STEP: u64 = 8 << 20;

pub fn ingest(
    builder: &mut Builder,
    input: &Input,
    options: &IngestOptions,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let mut text = Text::open(input, options.opening(builder.memory_limit()))?;
    let place = Place {
        input: builder.input(&input.name(), Numbering::Lines),
        line: 1,
    };
    let encoding = text.encoding;
    let bytes = read_all(&mut text, &mut progress)?;
    builder.add(vec![bytes], options.bad_records, |bytes| {
        document(&bytes, encoding, options, place)
            .map_err(|(line, bad)| (Place { line, ..place }, bad))
    })
}

/// Reads the text, or one step more than the limit of a text that is too long.
pub(super) fn read_all(
    text: &mut Text,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() as u64 <= LONGEST {
        let step = (&mut text.bytes).take(STEP).read_to_end(&mut bytes);
        if step.map_err(|error| explain(&text.name, &error))? == 0 {
            break;
        }
        progress(text.bytes_read())?;
    }
    Ok(bytes)
}

/// Returns the document, or the fault of the bytes and its line.
pub(super) fn document(
    bytes: &[u8],
    encoding: &str,
    options: &IngestOptions,
    place: Place,
) -> std::result::Result<Document, (u64, BadRecord)> {
    if bytes.len() as u64 > LONGEST {
        let remedy = "split it into documents of less than 2 GiB";
        return Err((1, BadRecord::new("a record of more than 2 GiB", remedy)));
    }
    let replace = options.bad_records == BadRecords::Replace;
    let text = encoding::decode(bytes, encoding, replace).map_err(|bad| {
        let valid = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..valid]).count();
        (line as u64, bad)
    })?;
    Ok(Document {
        source: match &options.keys.source {
            SourceName::Fixed(source) => source.clone(),
            SourceName::Key(_) => options.default_source.clone(),
        },
        id: options.text_id.clone(),
        text: text.into_owned(),
        metadata: "{}".to_owned(),
        place,
    })
}
