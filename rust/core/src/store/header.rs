//! The header of every binary file of an index.
//!
//! It says what the file is, under which parameters its bytes mean anything, and where its
//! sections lie, so that opening one reads a page and never scans.

use std::path::Path;

use bytemuck::{Pod, Zeroable};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::filter::{bloom, fuse};
use crate::text::ngram::{self, NgramHasher};
use crate::text::normalization::Normalization;

#[cfg(target_endian = "big")]
compile_error!("the files of an index are mapped into memory as little-endian numbers");

/// Version of the manifest and of every binary file; a change to any released layout raises it.
pub const FORMAT_VERSION: u32 = 1;

/// Sections begin at multiples of a cache line: a Bloom block is one, and any number is aligned.
pub const ALIGNMENT: u64 = 64;

const MAX_SECTIONS: usize = 6;

const UNIT_CODE_POINT: u32 = 1;

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
    pub fn magic(self) -> [u8; 8] {
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

    pub fn name(self) -> &'static str {
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
pub(super) struct Extent {
    pub offset: u64,
    pub length: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Header {
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
    pub file_length: u64,
    pub sections: [Extent; MAX_SECTIONS],
    padding: [u64; 4],
    /// xxh3 of all bytes of the header before this one.
    pub checksum: u64,
}

fn normalization_code(normalization: Normalization) -> u32 {
    match normalization {
        Normalization::None => 0,
        Normalization::Squash => 1,
        Normalization::Fold => 2,
        Normalization::FoldCase => 3,
    }
}

pub(super) const HEADER_LENGTH: usize = size_of::<Header>();

impl Header {
    pub fn new(kind: Kind, parameters: Parameters) -> Self {
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

    pub fn own_checksum(&self) -> u64 {
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

pub(super) fn check_header(
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
