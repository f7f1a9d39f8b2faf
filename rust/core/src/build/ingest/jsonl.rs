//! JSONL: one record per line, or an array of records. Blank lines are skipped, but have numbers.

use std::ops::Range;

use super::encoding;
use super::input::IngestOptions;
use super::record;
use crate::build::builder::Builder;
use crate::build::left_out::{BadRecord, BadRecords};
use crate::build::places::{Document, Numbering, Place};
use crate::error::Result;
use crate::reading::lines::RawRecord;
use crate::reading::opener::Text;
use crate::reading::records::Records;
use crate::reading::source::Input;

/// The bytes of records that go to the builder at a time.
const BATCH_BYTES: usize = 8 << 20;

pub fn ingest(
    builder: &mut Builder,
    input: &Input,
    options: &IngestOptions,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let text = Text::open(input, options.opening(builder.memory_limit()))?;
    let encoding = text.encoding;
    let mut records = Records::new(text)?;
    let mut lines = options.lines.as_ref();
    if !records.is_cuttable()
        && let Some(lines) = lines.take()
        && lines.start > 0
    {
        return Ok(());
    }
    let is_array = records.is_array();
    let numbering = match is_array {
        true => Numbering::Objects,
        false => Numbering::Lines,
    };
    let number = builder.input(&input.name(), numbering);
    while let Some(batch) = next_batch(&mut records, lines)? {
        builder.add(batch, options.bad_records, |raw| {
            let place = Place {
                input: number,
                line: raw.number,
            };
            let line = is_array.then_some(raw.line);
            parse(&raw, line, encoding, options, place).map_err(|bad| (place, bad))
        })?;
        progress(records.text().bytes_read())?;
    }
    Ok(())
}

/// Returns the next records; none at the end. Records before `lines` are read for their numbers only.
pub(super) fn next_batch(
    records: &mut Records,
    lines: Option<&Range<u64>>,
) -> Result<Option<Vec<RawRecord>>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        let record = records.next_record()?;
        let past = |record: &RawRecord| lines.is_some_and(|lines| record.start >= lines.end);
        let Some(record) = record.filter(|record| !past(record)) else {
            return Ok((!batch.is_empty()).then_some(batch));
        };
        bytes += record.bytes.len();
        let early = lines.is_some_and(|lines| record.start < lines.start);
        let blank =
            !records.is_array() && !record.is_too_long && record.bytes.trim_ascii().is_empty();
        if !early && !blank {
            batch.push(record);
        }
    }
    Ok(Some(batch))
}

/// Reads the document of a record. `line` is where it starts, if it is an element of an array.
pub(super) fn parse(
    raw: &RawRecord,
    line: Option<u64>,
    encoding: &str,
    options: &IngestOptions,
    place: Place,
) -> std::result::Result<Document, BadRecord> {
    if raw.is_too_long {
        let remedy = "split it into documents of less than 2 GiB";
        return Err(BadRecord::new("a record of more than 2 GiB", remedy));
    }
    let replace = options.bad_records == BadRecords::Replace;
    let json = encoding::decode(&raw.bytes, encoding, replace)?;
    let parse = |json: &str| record::parse(json, line, options, place);
    match parse(&json) {
        Err(bad) if replace && bad.reason == record::SURROGATE => {
            parse(&encoding::replace_lone_surrogates(&json))
        }
        parsed => parsed,
    }
}
