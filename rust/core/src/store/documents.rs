//! The documents of a segment: where each starts in the text, its record, and a table to find it by.
//!
//! The sections are: the records (source, id and metadata of each document); the starts of the documents in the text
//! and the starts of the records, both with a closing entry; the identity table, which consists of the hashes of
//! (source, id) in ascending order and the document of each; and last, if the segment was built with one, the table
//! of [`crate::store::char_offsets`].
//!
//! A record starts with the lengths of source and id. If texts are folded, the length of the metadata comes third, and
//! the edits of [`crate::store::original`] come after the metadata.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use xxhash_rust::xxh3::Xxh3;

use super::char_offsets::{self, CharOffsets, CharOffsetsWriter};
use super::container::{self, FileWriter, MappedFile};
use super::header::Parameters;
use super::kind::Kind;
use crate::error::{Error, Result};
use crate::memory::prefetch::prefetch;

const RECORDS: usize = 0;
const STARTS: usize = 1;
const RECORD_STARTS: usize = 2;
const HASHES: usize = 3;
const ORDER: usize = 4;
const CHAR_OFFSETS: usize = 5;

/// The source, the id and the metadata of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub source: &'a str,
    pub id: &'a str,
    /// A JSON object.
    pub metadata: &'a str,
    /// The edits that turn the stored text back into the original one ([`crate::store::original`]). Empty if the two are
    /// the same or the original is not kept.
    pub edits: &'a [u8],
}

impl Record<'_> {
    /// Returns the bytes that the record takes; `keeps_edits`: whether the index folds texts.
    pub fn bytes(&self, keeps_edits: bool) -> u64 {
        let lengths = size_of::<u32>() * if keeps_edits { 3 } else { 2 };
        let names = self.source.len() + self.id.len() + self.metadata.len();
        (lengths + names + self.edits.len()) as u64
    }
}

/// The bytes of a record, before anything is known of them.
struct RecordParts<'a> {
    source: &'a [u8],
    id: &'a [u8],
    metadata: &'a [u8],
    edits: &'a [u8],
}

/// Returns the bytes of the file of `documents` documents with `text_bytes` of text.
pub fn file_bytes(documents: u64, record_bytes: u64, text_bytes: u64) -> u64 {
    let starts = (documents + 1) * size_of::<u64>() as u64;
    let hashes = documents * size_of::<u64>() as u64;
    let order = documents * size_of::<u32>() as u64;
    let char_offsets = char_offsets::table_bytes(text_bytes);
    container::file_bytes(&[record_bytes, starts, starts, hashes, order, char_offsets])
}

/// Hashes an identity. The separator, which UTF-8 never contains, keeps ("a", "bc") apart from ("ab", "c").
fn identity(source: &str, id: &str) -> Xxh3 {
    let mut hasher = Xxh3::new();
    hasher.update(source.as_bytes());
    hasher.update(&[0xFF]);
    hasher.update(id.as_bytes());
    hasher
}

/// Returns a hash of (source, id) that is wide enough to stand for it.
pub fn wide_identity_hash(source: &str, id: &str) -> u128 {
    identity(source, id).digest128()
}

/// Writes records as they arrive. The tables, 28 bytes per document and 4 bytes per KiB of text, are kept in memory
/// until the end.
pub struct DocumentsWriter {
    file: FileWriter,
    starts: Vec<u64>,
    record_starts: Vec<u64>,
    identities: Vec<(u64, u32)>,
    char_offsets: CharOffsetsWriter,
    record_bytes: u64,
    keeps_edits: bool,
}

impl DocumentsWriter {
    pub fn create(path: PathBuf, parameters: Parameters) -> Result<Self> {
        let mut file = FileWriter::create(path, Kind::Documents, parameters)?;
        file.begin_section()?;
        Ok(Self {
            file,
            starts: Vec::new(),
            record_starts: Vec::new(),
            identities: Vec::new(),
            char_offsets: CharOffsetsWriter::default(),
            record_bytes: 0,
            keeps_edits: parameters.normalization.folds(),
        })
    }

    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Appends the record of the document that starts at byte `start` of the segment's text.
    pub fn push(&mut self, start: u64, text: &str, record: Record) -> Result<()> {
        self.char_offsets.push(start, text);
        let hash = identity(record.source, record.id).digest();
        self.identities.push((hash, self.starts.len() as u32));
        self.starts.push(start);
        self.record_starts.push(self.record_bytes);
        self.field(&(record.source.len() as u32).to_le_bytes())?;
        self.field(&(record.id.len() as u32).to_le_bytes())?;
        if self.keeps_edits {
            self.field(&(record.metadata.len() as u32).to_le_bytes())?;
        }
        self.field(record.source.as_bytes())?;
        self.field(record.id.as_bytes())?;
        self.field(record.metadata.as_bytes())?;
        if self.keeps_edits {
            self.field(record.edits)?;
        }
        Ok(())
    }

    fn field(&mut self, bytes: &[u8]) -> Result<()> {
        self.record_bytes += bytes.len() as u64;
        self.file.write(bytes)
    }

    pub fn finish(mut self, text_bytes: u64) -> Result<PathBuf> {
        self.starts.push(text_bytes);
        self.record_starts.push(self.record_bytes);
        self.identities.sort_unstable();
        let (hashes, order): (Vec<u64>, Vec<u32>) = self.identities.into_iter().unzip();
        for table in [&self.starts, &self.record_starts, &hashes] {
            self.file.begin_section()?;
            self.file.write(bytemuck::cast_slice(table))?;
        }
        for table in [&order, &self.char_offsets.finish()] {
            self.file.begin_section()?;
            self.file.write(bytemuck::cast_slice(table))?;
        }
        self.file.finish()
    }
}

/// The documents of a segment, mapped into memory.
pub struct Documents {
    file: MappedFile,
    count: usize,
    keeps_edits: bool,
}

impl Documents {
    pub fn open(path: PathBuf, parameters: Parameters, count: usize) -> Result<Self> {
        let file = MappedFile::open(path, Kind::Documents, parameters)?;
        let entries = count.saturating_add(1);
        let fits = file.section::<u64>(STARTS).len() == entries
            && file.section::<u64>(RECORD_STARTS).len() == entries
            && file.section::<u64>(HASHES).len() == count
            && file.section::<u32>(ORDER).len() == count;
        if !fits {
            return Err(Error::damaged(
                file.path(),
                format_args!("its tables are not those of {count} documents"),
            ));
        }
        Ok(Self {
            file,
            count,
            keeps_edits: parameters.normalization.folds(),
        })
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Fails if the file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.file.check_whole()
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the byte where each document starts in the text.
    pub fn starts(&self) -> &[u64] {
        &self.file.section(STARTS)[..self.count]
    }

    /// Returns the bytes of a document in the text, without the separator that follows it.
    pub fn text_range(&self, document: usize) -> Option<Range<usize>> {
        let starts = self.file.section::<u64>(STARTS);
        let start = usize::try_from(*starts.get(document)?).ok()?;
        let next = usize::try_from(*starts.get(document + 1)?).ok()?;
        Some(start..next.checked_sub(1)?)
    }

    /// Returns the characters of a document before byte `position` of the segment's `text`, or None if the document
    /// does not contain that byte.
    pub fn char_offset(&self, text: &[u8], document: usize, position: u64) -> Option<usize> {
        let start = *self.starts().get(document)? as usize;
        self.char_offsets().count(text, start, position as usize)
    }

    /// Prefetches what `char_offset` reads, and the position of the record.
    pub fn prefetch_places(&self, text: &[u8], document: usize, position: u64) {
        prefetch(self.file.section::<u64>(RECORD_STARTS), document);
        // This entry was read a moment ago.
        if let Some(&start) = self.starts().get(document) {
            let offsets = self.char_offsets();
            offsets.prefetch(text, start as usize, position as usize);
        }
    }

    /// Prefetches a record.
    pub fn prefetch_record(&self, document: usize) {
        if let Some(&start) = self.file.section::<u64>(RECORD_STARTS).get(document) {
            prefetch(self.file.section::<u8>(RECORDS), start as usize);
        }
    }

    fn char_offsets(&self) -> CharOffsets<'_> {
        CharOffsets::new(self.file.section(CHAR_OFFSETS))
    }

    /// Returns source and id of a document. Its metadata is not read.
    pub fn name(&self, document: usize) -> Result<(&str, &str)> {
        let parts = self.record_parts(document);
        let name = parts.and_then(|parts| {
            let source = str::from_utf8(parts.source).ok()?;
            Some((source, str::from_utf8(parts.id).ok()?))
        });
        name.ok_or_else(|| self.unreadable(document))
    }

    pub fn record(&self, document: usize) -> Result<Record<'_>> {
        self.parse_record(document)
            .ok_or_else(|| self.unreadable(document))
    }

    fn unreadable(&self, document: usize) -> Error {
        Error::damaged(
            self.path(),
            format_args!("no readable record of document {document}"),
        )
    }

    fn parse_record(&self, document: usize) -> Option<Record<'_>> {
        let parts = self.record_parts(document)?;
        let metadata = str::from_utf8(parts.metadata).ok()?;
        let is_json = serde_json::from_str::<IgnoredAny>(metadata).is_ok();
        (is_json && metadata.starts_with('{')).then_some(Record {
            source: str::from_utf8(parts.source).ok()?,
            id: str::from_utf8(parts.id).ok()?,
            metadata,
            edits: parts.edits,
        })
    }

    fn record_parts(&self, document: usize) -> Option<RecordParts<'_>> {
        let starts = self.file.section::<u64>(RECORD_STARTS);
        let start = usize::try_from(*starts.get(document)?).ok()?;
        let end = usize::try_from(*starts.get(document + 1)?).ok()?;
        let record = self.file.section::<u8>(RECORDS).get(start..end)?;
        let (source_length, record) = record.split_first_chunk::<4>()?;
        let (id_length, record) = record.split_first_chunk::<4>()?;
        let (metadata_length, record) = match self.keeps_edits {
            true => record.split_first_chunk::<4>()?,
            false => (&[0; 4], record),
        };
        let (source, record) =
            record.split_at_checked(u32::from_le_bytes(*source_length) as usize)?;
        let (id, record) = record.split_at_checked(u32::from_le_bytes(*id_length) as usize)?;
        let (metadata, edits) = match self.keeps_edits {
            true => record.split_at_checked(u32::from_le_bytes(*metadata_length) as usize)?,
            false => (record, &[][..]),
        };
        Some(RecordParts {
            source,
            id,
            metadata,
            edits,
        })
    }

    /// Yields the hash of each identity, ascending, with its document.
    pub fn identities(&self) -> impl Iterator<Item = (u64, u32)> {
        let hashes = self.file.section::<u64>(HASHES).iter();
        let order = self.file.section::<u32>(ORDER);
        hashes.copied().zip(order.iter().copied())
    }

    /// Returns the document of an identity, if it is in this segment.
    pub fn find(&self, source: &str, id: &str) -> Result<Option<usize>> {
        let hashes = self.file.section::<u64>(HASHES);
        let order = self.file.section::<u32>(ORDER);
        let hash = identity(source, id).digest();
        let first = hashes.partition_point(|&other| other < hash);
        for (&other, &document) in hashes[first..].iter().zip(&order[first..]) {
            if other != hash {
                break;
            }
            let record = self.record(document as usize)?;
            if record.source == source && record.id == id {
                return Ok(Some(document as usize));
            }
        }
        Ok(None)
    }
}
