//! The container of every binary file of an index: a header, then sections aligned to 64 bytes.
//!
//! The header says what the file is, under which parameters its bytes mean anything, and where its
//! sections lie, so that opening one reads a page and never scans. Everything is little-endian.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytemuck::{AnyBitPattern, Pod, Zeroable};
use memmap2::{Advice, Mmap};
use xxhash_rust::xxh3::xxh3_64;

use crate::bloom;
use crate::error::{Error, Result};
use crate::fuse;
use crate::ngram::{self, NgramHasher};
use crate::squash::Normalization;

#[cfg(target_endian = "big")]
compile_error!("the files of an index are mapped into memory as little-endian numbers");

/// Version of the manifest and of every binary file; a change to any released layout raises it.
pub const FORMAT_VERSION: u32 = 1;

/// Sections begin at multiples of a cache line: a Bloom block is one, and any number is aligned.
pub const ALIGNMENT: u64 = 64;

const MAX_SECTIONS: usize = 6;
const UNIT_CODE_POINT: u32 = 1;
const BUFFER: usize = 1 << 20;

/// What a file holds; its first eight bytes say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Suffix,
    Lean,
    Documents,
    Filter,
    ImportedFilter,
    FuseFilter,
}

impl Kind {
    fn magic(self) -> [u8; 8] {
        match self {
            Self::Text => *b"QUOTTEXT",
            Self::Suffix => *b"QUOTSUFX",
            Self::Lean => *b"QUOTLEAN",
            Self::Documents => *b"QUOTDOCS",
            Self::Filter => *b"QUOTBLOM",
            Self::ImportedFilter => *b"QUOTRBLM",
            Self::FuseFilter => *b"QUOTFUSE",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text file",
            Self::Suffix => "suffix array file",
            Self::Lean => "lean suffix array file",
            Self::Documents => "documents file",
            Self::Filter => "Bloom filter file",
            Self::ImportedFilter => "imported Bloom filter file",
            Self::FuseFilter => "fuse filter file",
        }
    }

    /// Version of what a hash leads to, where the file is a filter.
    fn filter_version(self) -> u32 {
        match self {
            Self::FuseFilter => fuse::VERSION,
            _ => bloom::VERSION,
        }
    }
}

/// What the n-grams of an index are: files of different parameters do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Length of an n-gram in Unicode code points.
    pub n: usize,
    pub normalization: Normalization,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Extent {
    offset: u64,
    length: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Header {
    magic: [u8; 8],
    format_version: u32,
    n: u32,
    unit: u32,
    normalization: u32,
    normalization_version: u32,
    hash: u32,
    filter: u32,
    reserved: u32,
    hash_seed: u64,
    file_length: u64,
    sections: [Extent; MAX_SECTIONS],
    padding: [u64; 4],
    /// xxh3 of all bytes of the header before this one.
    checksum: u64,
}

fn normalization_code(normalization: Normalization) -> u32 {
    match normalization {
        Normalization::None => 0,
        Normalization::Squash => 1,
    }
}

const HEADER_LENGTH: usize = size_of::<Header>();

impl Header {
    fn new(kind: Kind, parameters: Parameters) -> Self {
        Self {
            magic: kind.magic(),
            format_version: FORMAT_VERSION,
            n: parameters.n as u32,
            unit: UNIT_CODE_POINT,
            normalization: normalization_code(parameters.normalization),
            normalization_version: Normalization::VERSION,
            hash: NgramHasher::VERSION,
            filter: kind.filter_version(),
            hash_seed: ngram::SEED,
            ..Self::zeroed()
        }
    }

    fn own_checksum(&self) -> u64 {
        xxh3_64(&bytemuck::bytes_of(self)[..HEADER_LENGTH - size_of::<u64>()])
    }

    fn has_parameters_of(&self, other: &Self) -> bool {
        let of = |header: &Self| {
            (
                (header.n, header.unit, header.normalization),
                (header.normalization_version, header.hash, header.filter),
                header.hash_seed,
            )
        };
        of(self) == of(other)
    }
}

/// Writes one file from front to back; `finish` makes it whole. It is forced to the disk when a manifest is to name it.
pub struct FileWriter {
    path: PathBuf,
    file: BufWriter<File>,
    header: Header,
    sections: usize,
    position: u64,
}

impl FileWriter {
    pub fn create(path: PathBuf, kind: Kind, parameters: Parameters) -> Result<Self> {
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let mut writer = Self {
            path,
            file: BufWriter::with_capacity(BUFFER, file),
            header: Header::new(kind, parameters),
            sections: 0,
            position: 0,
        };
        writer.append(&[0; HEADER_LENGTH])?;
        Ok(writer)
    }

    /// Begin the next section; `write` appends to it.
    pub fn begin_section(&mut self) -> Result<()> {
        let padding = self.position.next_multiple_of(ALIGNMENT) - self.position;
        self.append(&[0; ALIGNMENT as usize][..padding as usize])?;
        self.header.sections[self.sections].offset = self.position;
        self.sections += 1;
        Ok(())
    }

    /// Append to the current section.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.append(bytes)?;
        self.header.sections[self.sections - 1].length += bytes.len() as u64;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(Error::io("write", &self.path))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Write the header in front.
    pub fn finish(mut self) -> Result<PathBuf> {
        self.header.file_length = self.position;
        self.header.checksum = self.header.own_checksum();
        let path = self.path;
        (|| {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(bytemuck::bytes_of(&self.header))?;
            self.file.flush()
        })()
        .map_err(Error::io("write", &path))?;
        Ok(path)
    }
}

/// A finished file, mapped into memory.
pub struct MappedFile {
    path: PathBuf,
    map: Mmap,
    header: Header,
}

impl MappedFile {
    /// Map a file after checking its header, its parameters and its length, and nothing else.
    pub fn open(path: PathBuf, kind: Kind, parameters: Parameters) -> Result<Self> {
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        // SAFETY: files of an index are never written again after the rename that published them.
        // Whoever truncates one under a running process gets a SIGBUS, as with any mapped file;
        // changed bytes are harmless, since every access is checked and every bit pattern is valid.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", &path))?;
        let header: Header = match map.get(..HEADER_LENGTH) {
            Some(bytes) => bytemuck::pod_read_unaligned(bytes),
            None => {
                return Err(Error::Foreign {
                    path,
                    kind: kind.name(),
                });
            }
        };
        check_header(&header, map.len() as u64, &path, kind, parameters)?;
        Ok(Self { path, map, header })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The numbers of a section; `open` made sure that it lies inside the file.
    ///
    /// Bytes beyond the last whole number, which no writer leaves, are not seen.
    pub fn section<T: AnyBitPattern>(&self, index: usize) -> &[T] {
        let Extent { offset, length } = self.header.sections[index];
        let whole = length - length % size_of::<T>() as u64;
        let bytes = self.map.get(offset as usize..(offset + whole) as usize);
        bytes.map_or(&[], bytemuck::cast_slice)
    }

    /// Tell the operating system that reads will be scattered: it should not read ahead.
    pub fn advise_random(&self) {
        // Advice only: where the system does not take it, nothing else changes.
        let _ = self.map.advise(Advice::Random);
    }
}

fn check_header(
    header: &Header,
    length: u64,
    path: &Path,
    kind: Kind,
    parameters: Parameters,
) -> Result<()> {
    if header.magic != kind.magic() {
        return Err(Error::Foreign {
            path: path.to_owned(),
            kind: kind.name(),
        });
    }
    if header.format_version != FORMAT_VERSION {
        return Err(Error::Version {
            path: path.to_owned(),
            found: header.format_version.into(),
            expected: FORMAT_VERSION.into(),
        });
    }
    if header.checksum != header.own_checksum() {
        return Err(Error::damaged(
            path,
            "its header does not match its checksum",
        ));
    }
    if header.file_length != length {
        return Err(Error::Length {
            path: path.to_owned(),
            found: length,
            expected: header.file_length,
        });
    }
    if !header.has_parameters_of(&Header::new(kind, parameters)) {
        return Err(Error::damaged(
            path,
            "its n, normalisation or hash differ from the manifest's",
        ));
    }
    let inside = |extent: &Extent| {
        extent.offset.is_multiple_of(ALIGNMENT)
            && extent
                .offset
                .checked_add(extent.length)
                .is_some_and(|end| end <= length)
    };
    if !header.sections.iter().all(inside) {
        return Err(Error::damaged(path, "a section lies outside the file"));
    }
    Ok(())
}
