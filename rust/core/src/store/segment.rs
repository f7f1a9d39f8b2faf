//! A segment: a run of documents with their text, suffix array and records. It never changes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::container::{self, FileWriter, MappedFile};
use super::documents::{Documents, DocumentsWriter, Record};
use super::header::Parameters;
use super::kind::Kind;
use super::manifest::SegmentEntry;
use super::original::{original, original_span};
use crate::error::{Error, Result};
use crate::suffix::array::{self, SEPARATOR};
use crate::suffix::fronts::Front;
use crate::suffix::jump::{self, jump_table_of_all};
use crate::suffix::lean::{LeanArrays, LeanView};
use crate::suffix::text_index::{Suffixes, TextIndex};
use crate::suffix::view::SuffixView;

const TEXT: usize = 0;
const SUFFIXES: usize = 0;
const JUMP: usize = 1;
const FRONTS: usize = 2;
/// Bytes of a suffix array that are written between two checks for a stop.
const WRITE_CHUNK: usize = 1 << 22;

/// Takes normalised documents one after another and writes them to the disk.
pub struct SegmentWriter {
    text: FileWriter,
    documents: DocumentsWriter,
    text_bytes: u64,
}

/// The text and the records of a finished `SegmentWriter`.
#[derive(Clone, Debug)]
pub struct WrittenSegment {
    pub text: PathBuf,
    pub records: PathBuf,
    pub documents: usize,
    pub text_bytes: u64,
}

impl WrittenSegment {
    /// Returns the text of a segment of the index in `directory`.
    pub fn stored(directory: &Path, entry: &SegmentEntry, parameters: Parameters) -> Result<Self> {
        let text = directory.join(&entry.text.name);
        let text_bytes = SegmentText::open(text.clone(), parameters)?.bytes().len() as u64;
        Ok(Self {
            text,
            records: directory.join(&entry.records.name),
            documents: entry.documents,
            text_bytes,
        })
    }
}

impl SegmentWriter {
    pub fn create(directory: &Path, number: usize, parameters: Parameters) -> Result<Self> {
        let mut text =
            FileWriter::create(Kind::Text.path(directory, number), Kind::Text, parameters)?;
        text.begin_section()?;
        Ok(Self {
            text,
            documents: DocumentsWriter::create(
                Kind::Documents.path(directory, number),
                parameters,
            )?,
            text_bytes: 0,
        })
    }

    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    pub fn push(&mut self, text: &str, record: Record) -> Result<()> {
        self.documents.push(self.text_bytes, text, record)?;
        self.text.write(text.as_bytes())?;
        self.text.write(&[SEPARATOR])?;
        self.text_bytes += text.len() as u64 + 1;
        Ok(())
    }

    pub fn finish(self) -> Result<WrittenSegment> {
        Ok(WrittenSegment {
            documents: self.documents.count(),
            text: self.text.finish()?,
            records: self.documents.finish(self.text_bytes)?,
            text_bytes: self.text_bytes,
        })
    }
}

/// The text of a segment, mapped into memory.
pub struct SegmentText {
    file: MappedFile,
}

impl SegmentText {
    pub fn open(path: PathBuf, parameters: Parameters) -> Result<Self> {
        let file = MappedFile::open(path, Kind::Text, parameters)?;
        Ok(Self { file })
    }

    /// Fails if the file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.file.check_whole()
    }

    pub fn bytes(&self) -> &[u8] {
        self.file.section(TEXT)
    }

    /// The text of one document.
    pub fn document(&self, documents: &Documents, document: usize) -> Result<&str> {
        documents
            .text_range(document)
            .and_then(|range| self.bytes().get(range))
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .ok_or_else(|| {
                Error::damaged(
                    self.file.path(),
                    format_args!("no readable text of document {document}"),
                )
            })
    }
}

/// Returns the kind of the file that holds the sorted suffixes.
pub fn kind_of(suffixes: Suffixes) -> Kind {
    match suffixes {
        Suffixes::All => Kind::Suffix,
        Suffixes::Anchors => Kind::Lean,
    }
}

/// Sorts the suffixes of `text` and writes them with their jump table.
///
/// Takes 4 bytes of memory per byte of text. `step` is called now and then, and its error ends the work.
pub fn write_suffixes(
    text: &SegmentText,
    path: PathBuf,
    parameters: Parameters,
    suffixes: Suffixes,
    step: impl Fn() -> Result<()>,
) -> Result<PathBuf> {
    let text = text.bytes();
    let section = |file: &mut FileWriter, bytes: &[u8]| {
        file.begin_section()?;
        for chunk in bytes.chunks(WRITE_CHUNK) {
            file.write(chunk)?;
            step()?;
        }
        Ok::<(), Error>(())
    };
    let mut file;
    match suffixes {
        Suffixes::All => {
            let jump = jump_table_of_all(text);
            let sorted = array::suffix_array(text);
            step()?;
            file = FileWriter::create(path, kind_of(suffixes), parameters)?;
            file.begin_section()?;
            sorted.into_chunks(|chunk| {
                file.write(bytemuck::cast_slice(chunk))?;
                step()
            })?;
            section(&mut file, bytemuck::cast_slice(&jump))?;
        }
        Suffixes::Anchors => {
            let lean = LeanArrays::build(text, parameters.n);
            step()?;
            file = FileWriter::create(path, kind_of(suffixes), parameters)?;
            section(&mut file, bytemuck::cast_slice(&lean.suffixes))?;
            section(&mut file, bytemuck::cast_slice(&lean.jump))?;
            section(&mut file, bytemuck::cast_slice(&lean.fronts))?;
        }
    }
    file.finish()
}

/// Returns the bytes of the file of a text, the separators included.
pub fn text_file_bytes(text_bytes: u64) -> u64 {
    container::file_bytes(&[text_bytes])
}

/// Returns the bytes of the file that `write_suffixes` makes of so many sorted suffixes of a text with
/// `distinct_bytes` different bytes.
pub fn suffix_file_bytes(suffixes: Suffixes, sorted: u64, distinct_bytes: usize) -> u64 {
    let positions = sorted * size_of::<u32>() as u64;
    let jump = (jump::entries_for(distinct_bytes, sorted as usize) * size_of::<u32>()) as u64;
    match suffixes {
        Suffixes::All => container::file_bytes(&[positions, jump]),
        Suffixes::Anchors => {
            container::file_bytes(&[positions, jump, sorted * size_of::<Front>() as u64])
        }
    }
}

/// A segment of an open index.
pub struct Segment {
    /// The text as searches read it, without read-ahead.
    text: SegmentText,
    /// The same file as documents are read from it, which often follow one another.
    in_order: SegmentText,
    suffixes: Suffixes,
    suffix: MappedFile,
    documents: Documents,
}

impl Segment {
    pub fn open(
        directory: &Path,
        entry: &SegmentEntry,
        parameters: Parameters,
        suffixes: Suffixes,
    ) -> Result<Self> {
        let segment = Self {
            text: SegmentText::open(directory.join(&entry.text.name), parameters)?,
            in_order: SegmentText::open(directory.join(&entry.text.name), parameters)?,
            suffixes,
            suffix: MappedFile::open(
                directory.join(&entry.suffix.name),
                kind_of(suffixes),
                parameters,
            )?,
            documents: Documents::open(
                directory.join(&entry.records.name),
                parameters,
                entry.documents,
            )?,
        };
        segment.suffix.advise_random();
        segment.text.file.advise_random();
        segment.index()?;
        Ok(segment)
    }

    /// Returns the index that finds strings in the text. Once it has succeeded, it fails only if a file was cut.
    pub fn index(&self) -> Result<TextIndex<'_>> {
        self.index_of(&self.text)
    }

    /// Returns the same index for uses that read all of the text.
    pub fn index_in_order(&self) -> Result<TextIndex<'_>> {
        self.index_of(&self.in_order)
    }

    fn index_of<'a>(&'a self, text: &'a SegmentText) -> Result<TextIndex<'a>> {
        let text = text.bytes();
        let (sorted, jump) = (self.suffix.section(SUFFIXES), self.suffix.section(JUMP));
        let index = match self.suffixes {
            Suffixes::All => SuffixView::new(text, sorted, jump).map(TextIndex::Full),
            Suffixes::Anchors => {
                let fronts = self.suffix.section(FRONTS);
                LeanView::new(text, sorted, jump, fronts)
                    .map(|view| TextIndex::Lean(view.scanning(self.in_order.bytes())))
            }
        };
        index.ok_or_else(|| {
            let what = "it does not match the text of the segment";
            Error::damaged(self.suffix.path(), what)
        })
    }

    /// Fails if a file was cut since it was opened.
    pub fn check_whole(&self) -> Result<()> {
        self.text.check_whole()?;
        self.in_order.check_whole()?;
        self.suffix.check_whole()?;
        self.documents.check_whole()
    }

    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Returns the text of all documents, each followed by the separator.
    pub fn text(&self) -> &[u8] {
        self.text.bytes()
    }

    pub fn document_text(&self, document: usize) -> Result<&str> {
        self.in_order.document(&self.documents, document)
    }

    /// Returns the original text of a document if it is kept, otherwise the normalised text.
    pub fn original_text(&self, document: usize) -> Result<Cow<'_, str>> {
        let text = self.document_text(document)?;
        let edits = self.documents.record(document)?.edits;
        if edits.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        let original = original(text, edits).ok_or_else(|| self.bad_edits(document))?;
        Ok(Cow::Owned(original))
    }

    /// Returns where the characters `start..end` of a document's normalised text are in the text that `original_text`
    /// returns. `edits` are those of its record.
    pub fn original_span(
        &self,
        document: usize,
        edits: &[u8],
        start: usize,
        end: usize,
    ) -> Result<(usize, usize)> {
        original_span(edits, start, end).ok_or_else(|| self.bad_edits(document))
    }

    fn bad_edits(&self, document: usize) -> Error {
        Error::damaged(
            self.documents.path(),
            format_args!("no readable original text of document {document}"),
        )
    }
}
