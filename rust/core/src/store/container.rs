//! The container of every binary file of an index: a header, then sections aligned to 64 bytes.
//!
//! Everything is little-endian.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytemuck::AnyBitPattern;
use memmap2::Advice;

use super::header::{ALIGNMENT, Extent, HEADER_LENGTH, Header, Parameters, check_header};
use super::kind::Kind;
use crate::error::{Error, Result};
use crate::memory::guarded_map::GuardedMap;

const BUFFER: usize = 1 << 20;

/// Returns the bytes of a file whose sections have these lengths.
pub fn file_bytes(sections: &[u64]) -> u64 {
    let append = |end: u64, section: &u64| end.next_multiple_of(ALIGNMENT) + section;
    sections.iter().fold(HEADER_LENGTH as u64, append)
}

/// Writes one file from front to back; `finish` completes it. The file is forced to the disk only when a manifest is
/// to name it.
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

    /// Starts the next section, to which `write` appends.
    pub fn begin_section(&mut self) -> Result<()> {
        let padding = self.position.next_multiple_of(ALIGNMENT) - self.position;
        self.append(&[0; ALIGNMENT as usize][..padding as usize])?;
        self.header.sections[self.sections].offset = self.position;
        self.sections += 1;
        Ok(())
    }

    /// Appends to the current section.
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

    /// Writes the header at the start of the file.
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
    map: GuardedMap,
    header: Header,
}

impl MappedFile {
    /// Maps a file after a check of its header, its parameters and its length, and nothing else.
    pub fn open(path: PathBuf, kind: Kind, parameters: Parameters) -> Result<Self> {
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        // SAFETY: the files of an index are never written again after the rename that published them. Changed bytes
        // are harmless, since every access is checked and every bit pattern is valid. If somebody truncates a file under
        // a running process, `check_whole` tells.
        let map = unsafe { GuardedMap::new(&file) }.map_err(Error::io("map", &path))?;
        let header: Header = match map.get(..HEADER_LENGTH) {
            Some(bytes) => bytemuck::pod_read_unaligned(bytes),
            None => {
                return Err(Error::Foreign {
                    path,
                    kind: kind.description(),
                });
            }
        };
        check_header(&header, map.len() as u64, &path, kind, parameters)?;
        Ok(Self { path, map, header })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if the file was cut since it was opened: what was read from it may then have been zeros.
    pub fn check_whole(&self) -> Result<()> {
        match self.map.is_cut() {
            true => Err(Error::damaged(
                &self.path,
                "it was cut, or could not be read, while it was open",
            )),
            false => Ok(()),
        }
    }

    /// Returns the numbers of a section. `open` made sure that it is inside the file.
    ///
    /// Bytes after the last whole number are ignored; no writer leaves any.
    pub fn section<T: AnyBitPattern>(&self, index: usize) -> &[T] {
        let Extent { offset, length } = self.header.sections[index];
        let whole = length - length % size_of::<T>() as u64;
        let bytes = self.map.get(offset as usize..(offset + whole) as usize);
        bytes.map_or(&[], bytemuck::cast_slice)
    }

    /// Tells the operating system that reads will be scattered, so that it does not read ahead.
    pub fn advise_random(&self) {
        // This is advice: if the system does not take it, nothing else changes.
        let _ = self.map.advise(Advice::Random);
    }
}
