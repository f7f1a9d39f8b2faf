//! The lines of a file, and their numbers.

use std::io::{self, BufRead, Read};

use super::fault::explain;
use super::opener::Text;
use crate::error::Result;

/// The limit of a record. No longer document can be indexed, and a few compressed bytes can contain a record of any
/// length.
pub const LONGEST: u64 = 1 << 31;

/// The bytes of a record, as they are in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// The number of its line, or its position in an array, from 1.
    pub number: u64,
    /// The line of the file in which it starts.
    pub line: u64,
    /// Its first byte in the decompressed file.
    pub start: u64,
    /// The record without its line end. Empty if the record is too long.
    pub bytes: Vec<u8>,
    /// Whether a line end followed it.
    pub has_line_end: bool,
    pub is_too_long: bool,
}

pub struct LineReader {
    pub(super) text: Text,
    number: u64,
    position: u64,
    /// The largest number of bytes that a line may have.
    limit: u64,
    /// Whether the last line was too long. The rest of it is then skipped.
    is_inside: bool,
}

impl LineReader {
    pub fn new(text: Text) -> Self {
        Self::with_limit(text, LONGEST)
    }

    pub(super) fn with_limit(text: Text, limit: u64) -> Self {
        Self {
            position: text.plain_from.unwrap_or(0),
            text,
            number: 0,
            limit,
            is_inside: false,
        }
    }

    pub fn next_line(&mut self) -> Result<Option<RawRecord>> {
        self.number += 1;
        let line = self.read();
        line.map_err(|error| explain(format_args!("{}:{}", self.text.name, self.number), &error))
    }

    fn read(&mut self) -> io::Result<Option<RawRecord>> {
        if std::mem::take(&mut self.is_inside) {
            self.position += self.text.bytes.skip_until(b'\n')? as u64;
        }
        let mut bytes = Vec::new();
        let mut limited = (&mut self.text.bytes).take(self.limit + 1);
        let length = limited.read_until(b'\n', &mut bytes)? as u64;
        if length == 0 {
            return Ok(None);
        }
        let start = self.position;
        self.position += length;
        let is_whole = bytes.ends_with(b"\n");
        if is_whole {
            bytes.pop();
        }
        let is_too_long = length > self.limit;
        self.is_inside = is_too_long && !is_whole;
        Ok(Some(RawRecord {
            number: self.number,
            line: self.number,
            start,
            bytes: if is_too_long { Vec::new() } else { bytes },
            has_line_end: is_whole,
            is_too_long,
        }))
    }
}
