//! Reads the documents of a file in batches, each with the bytes that it was read from.

use super::input::{Format, IngestOptions};
use super::{jsonl, txt};
use crate::build::left_out::BadRecord;
use crate::build::places::{Document, Numbering, Place};
use crate::error::Result;
use crate::reading::lines::RawRecord;
use crate::reading::opener::Text;
use crate::reading::records::Records;
use crate::reading::source::Input;

/// The bytes of a record, and the document in them.
pub struct Record {
    pub raw: RawRecord,
    /// The document, or the fault of the record and its place.
    pub document: std::result::Result<Document, (u64, BadRecord)>,
}

/// A file of documents. They are those that a build would take from it.
pub struct DocumentReader {
    content: Content,
    name: String,
    encoding: &'static str,
    options: IngestOptions,
}

enum Content {
    Records(Records),
    Text { text: Text, is_read: bool },
}

impl DocumentReader {
    /// Opens a file.
    pub fn open(input: &Input, options: IngestOptions) -> Result<Self> {
        let text = Text::open(input, options.opening(None))?;
        Ok(Self {
            name: text.name.clone(),
            encoding: text.encoding,
            content: match options.format {
                Format::Jsonl => Content::Records(Records::new(text)?),
                Format::Text => Content::Text {
                    text,
                    is_read: false,
                },
            },
            options,
        })
    }

    /// Returns the bytes of the next records; None at the end. Blank lines are passed over.
    pub fn next_batch(&mut self) -> Result<Option<Vec<RawRecord>>> {
        match &mut self.content {
            Content::Records(records) => jsonl::next_batch(records, self.options.lines.as_ref()),
            Content::Text { is_read: true, .. } => Ok(None),
            Content::Text { text, is_read } => {
                *is_read = true;
                Ok(Some(vec![RawRecord {
                    number: 1,
                    line: 1,
                    start: 0,
                    bytes: txt::read_all(text, |_| Ok(()))?,
                    has_line_end: false,
                    is_too_long: false,
                }]))
            }
        }
    }

    /// Reads the document of a record.
    pub fn parse(&self, raw: RawRecord) -> Record {
        let (encoding, options) = (self.encoding, &self.options);
        let place = Place {
            input: 0,
            line: raw.number,
        };
        let document = match options.format {
            Format::Text => txt::document(&raw.bytes, encoding, options, place),
            Format::Jsonl => {
                let line = self.is_array().then_some(raw.line);
                jsonl::parse(&raw, line, encoding, options, place).map_err(|bad| (raw.number, bad))
            }
        };
        Record { raw, document }
    }

    /// Returns whether the records are the elements of one array.
    pub fn is_array(&self) -> bool {
        matches!(&self.content, Content::Records(records) if records.is_array())
    }

    /// Returns whether reading can start at any line.
    pub fn is_cuttable(&self) -> bool {
        matches!(&self.content, Content::Records(records) if records.is_cuttable())
    }

    /// Returns a place as messages show it.
    pub fn place(&self, number: u64) -> String {
        let numbering = match self.is_array() {
            true => Numbering::Objects,
            false => Numbering::Lines,
        };
        numbering.show(&self.name, number)
    }

    /// Returns the number of bytes read from the disk so far, before decompression.
    pub fn bytes_read(&self) -> u64 {
        match &self.content {
            Content::Records(records) => records.text().bytes_read(),
            Content::Text { text, .. } => text.bytes_read(),
        }
    }
}
