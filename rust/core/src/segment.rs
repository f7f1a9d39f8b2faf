//! A segment: a run of documents with their text, suffix array and records. Never changed.

use std::path::{Path, PathBuf};

use crate::documents::{Documents, DocumentsWriter, Record};
use crate::error::{Error, Result};
use crate::file::{FileWriter, Kind, MappedFile, Parameters};
use crate::manifest::SegmentEntry;
use crate::suffix::{self, SEPARATOR, SuffixView};

const TEXT: usize = 0;
const SUFFIXES: usize = 0;
const JUMP: usize = 1;
/// Bytes of a suffix array written between two looks at whether to stop.
const WRITE_CHUNK: usize = 1 << 22;

pub fn text_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("segment-{number:05}.text"))
}

pub fn suffix_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("segment-{number:05}.suffix"))
}

pub fn records_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("segment-{number:05}.documents"))
}

/// Takes normalised documents one after another and streams them to the disk.
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

impl SegmentWriter {
    pub fn create(directory: &Path, number: usize, parameters: Parameters) -> Result<Self> {
        let mut text = FileWriter::create(text_path(directory, number), Kind::Text, parameters)?;
        text.begin_section()?;
        Ok(Self {
            text,
            documents: DocumentsWriter::create(records_path(directory, number), parameters)?,
            text_bytes: 0,
        })
    }

    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    pub fn push(&mut self, text: &str, record: Record) -> Result<()> {
        self.documents.push(self.text_bytes, record)?;
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

/// Sort the suffixes of `text` and write them with their jump table.
///
/// Takes 4 bytes of memory a byte of text. `step` is called now and then; its error ends the work.
pub fn write_suffixes(
    text: &SegmentText,
    path: PathBuf,
    parameters: Parameters,
    step: impl Fn() -> Result<()>,
) -> Result<PathBuf> {
    let suffixes = suffix::suffix_array(text.bytes());
    step()?;
    let mut file = FileWriter::create(path, Kind::Suffix, parameters)?;
    file.begin_section()?;
    for chunk in bytemuck::cast_slice::<u32, u8>(&suffixes).chunks(WRITE_CHUNK) {
        file.write(chunk)?;
        step()?;
    }
    drop(suffixes);
    file.begin_section()?;
    file.write(bytemuck::cast_slice(&suffix::jump_table(text.bytes())))?;
    file.finish()
}

/// A segment of an open index.
pub struct Segment {
    text: SegmentText,
    suffix: MappedFile,
    documents: Documents,
}

impl Segment {
    pub fn open(directory: &Path, entry: &SegmentEntry, parameters: Parameters) -> Result<Self> {
        let text = SegmentText::open(directory.join(&entry.text.name), parameters)?;
        let suffix =
            MappedFile::open(directory.join(&entry.suffix.name), Kind::Suffix, parameters)?;
        let records = directory.join(&entry.records.name);
        let documents = Documents::open(records, parameters, entry.documents)?;
        suffix.advise_random();
        if SuffixView::new(text.bytes(), suffix.section(SUFFIXES), suffix.section(JUMP)).is_none() {
            return Err(Error::damaged(
                suffix.path(),
                "it does not fit the text beside it",
            ));
        }
        Ok(Self {
            text,
            suffix,
            documents,
        })
    }

    pub fn view(&self) -> SuffixView<'_> {
        SuffixView::new(
            self.text.bytes(),
            self.suffix.section(SUFFIXES),
            self.suffix.section(JUMP),
        )
        .expect("the lengths were compared when the segment was opened")
    }

    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    pub fn document_text(&self, document: usize) -> Result<&str> {
        self.text.document(&self.documents, document)
    }
}
