//! JSONL: one record per line. Blank lines are skipped, but counted.

use std::borrow::Cow;
use std::ops::Range;

use super::encoding::{InvalidText, replace_lone_surrogates};
use super::input::{IngestOptions, Input};
use super::reader::{Line, LineReader};
use super::record;
use crate::build::builder::Builder;
use crate::build::places::{Document, Place, Places};
use crate::error::{Error, Result};

/// Bytes of records that are passed to the builder at a time.
const BATCH_BYTES: usize = 8 << 20;

pub fn ingest(
    builder: &mut Builder,
    input: &Input,
    options: &IngestOptions,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let number = builder.input(&input.name());
    let source = input.source();
    let mut reader = LineReader::open(input)?;
    while let Some(batch) = next_batch(&mut reader, options.lines.as_ref())? {
        builder.add(batch, |line, places| {
            let place = Place {
                input: number,
                line: line.number,
            };
            parse_line(&line, options, &source, place, places)
        })?;
        progress(reader.bytes_read())?;
    }
    Ok(())
}

/// Returns the next lines, or None at the end. Lines before `lines` are read, so that the rest keep their numbers,
/// and left out.
fn next_batch(reader: &mut LineReader, lines: Option<&Range<u64>>) -> Result<Option<Vec<Line>>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        let line = reader.next_line()?;
        let past = |line: &Line| lines.is_some_and(|lines| line.start >= lines.end);
        let Some(line) = line.filter(|line| !past(line)) else {
            return Ok((!batch.is_empty()).then_some(batch));
        };
        bytes += line.bytes.len();
        let early = lines.is_some_and(|lines| line.start < lines.start);
        if !early && !line.bytes.trim_ascii().is_empty() {
            batch.push(line);
        }
    }
    Ok(Some(batch))
}

fn parse_line(
    line: &Line,
    options: &IngestOptions,
    source: &str,
    place: Place,
    places: &Places,
) -> Result<Option<Document>> {
    let json = match (str::from_utf8(&line.bytes), options.invalid_text) {
        (Ok(json), _) => Cow::Borrowed(json),
        (Err(_), InvalidText::Replace) => String::from_utf8_lossy(&line.bytes),
        (Err(_), InvalidText::Skip) => return Ok(None),
        (Err(error), InvalidText::Strict) => {
            return Err(Error::input(
                places.show(place),
                format_args!("invalid UTF-8 after byte {}", error.valid_up_to()),
                "convert the file, or choose --errors replace or skip",
            ));
        }
    };
    let parse = |json: &str| record::parse(json, &options.keys, source, place);
    let parsed = match (parse(&json), options.invalid_text) {
        (Err(bad), InvalidText::Replace) if bad.is_surrogate => {
            parse(&replace_lone_surrogates(&json))
        }
        (Err(bad), InvalidText::Skip) if bad.is_surrogate => return Ok(None),
        (parsed, _) => parsed,
    };
    let bad = |bad: record::BadRecord| Error::input(places.show(place), bad.what, bad.remedy);
    parsed.map(Some).map_err(bad)
}
