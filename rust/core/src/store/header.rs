//! The header of every binary file of an index.
//!
//! It records what the file holds, the parameters under which its bytes are valid, and where its sections are.
//! Opening a file therefore reads one page and never scans.

use std::path::Path;

use bytemuck::{Pod, Zeroable};
use xxhash_rust::xxh3::xxh3_64;

use super::kind::Kind;
use crate::error::{Error, Result};
use crate::text::ngram::{self, NgramHasher};
use crate::text::squash::Normalization;

#[cfg(target_endian = "big")]
compile_error!("the files of an index are mapped into memory as little-endian numbers");

/// Version of the container and of the manifest. [`Kind::layout_version`] covers the sections inside.
pub const FORMAT_VERSION: u32 = 1;

/// Sections start at multiples of a cache line, which is the size of a Bloom block, and every number is aligned.
pub const ALIGNMENT: u64 = 64;

const MAX_SECTIONS: usize = 6;

const UNIT_CODE_POINT: u32 = 1;

/// The definition of an index's n-grams. Files with different parameters do not belong together.
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
    /// Version of the layout of this kind of file.
    layout: u32,
    /// Version of the anchors, if the file depends on them; 0 means 1.
    anchors: u32,
    hash_seed: u64,
    pub file_length: u64,
    pub sections: [Extent; MAX_SECTIONS],
    padding: [u64; 4],
    /// xxh3 of all preceding bytes of the header.
    pub checksum: u64,
}

fn normalization_code(normalization: Normalization) -> u32 {
    match normalization {
        Normalization::None => 0,
        Normalization::Squash => 1,
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
            layout: kind.layout_version(),
            anchors: match kind.anchors_version() {
                None | Some(1) => 0,
                Some(version) => version,
            },
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
                (header.normalization_version, header.hash, header.hash_seed),
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
            kind: kind.description(),
        });
    }
    check_version(path, "index format", header.format_version, FORMAT_VERSION)?;
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
    check_version(path, "layout", header.layout, kind.layout_version())?;
    if let Some(expected) = kind.anchors_version() {
        check_version(path, "anchor", header.anchors.max(1), expected)?;
    }
    if !header.has_parameters_of(&Header::new(kind, parameters)) {
        return Err(Error::damaged(
            path,
            "its n, normalisation or hash differs from the manifest's",
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

/// Returns an error unless the version of `what` is the one that this program reads.
pub(super) fn check_version(
    path: &Path,
    what: &'static str,
    found: u32,
    expected: u32,
) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::Version {
            path: path.to_owned(),
            what,
            found: found.into(),
            expected: expected.into(),
        }),
    }
}
