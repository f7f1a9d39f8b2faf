//! The kinds of binary files in an index: for each its mark, its versions and its name.

use std::path::{Path, PathBuf};

use crate::filter::{bloom, fuse};
use crate::text::anchors::Anchors;

/// The content of a file, which its first eight bytes record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Suffix,
    Lean,
    Documents,
    Bloom,
    RedisBloom,
    Fuse,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Text,
        Self::Suffix,
        Self::Lean,
        Self::Documents,
        Self::Bloom,
        Self::RedisBloom,
        Self::Fuse,
    ];

    pub fn magic(self) -> [u8; 8] {
        match self {
            Self::Text => *b"QUOTTEXT",
            Self::Suffix => *b"QUOTSUFX",
            Self::Lean => *b"QUOTLEAN",
            Self::Documents => *b"QUOTDOCS",
            Self::Bloom => *b"QUOTBLOM",
            Self::RedisBloom => *b"QUOTRBLM",
            Self::Fuse => *b"QUOTFUSE",
        }
    }

    /// Returns the name used in messages.
    pub fn description(self) -> &'static str {
        match self {
            Self::Text => "text file",
            Self::Suffix => "suffix array file",
            Self::Lean => "lean suffix array file",
            Self::Documents => "documents file",
            Self::Bloom => "Bloom filter file",
            Self::RedisBloom => "imported Bloom filter file",
            Self::Fuse => "fuse filter file",
        }
    }

    /// Returns the version of this kind's layout. It changes when the bytes of this kind of file get another meaning,
    /// and only then.
    pub fn layout_version(self) -> u32 {
        match self {
            Self::Bloom => bloom::VERSION,
            Self::Fuse => fuse::VERSION,
            Self::Text | Self::Suffix | Self::Lean | Self::Documents | Self::RedisBloom => 1,
        }
    }

    /// Returns the version of the anchors for a kind of file that depends on them.
    pub fn anchors_version(self) -> Option<u32> {
        (self == Self::Lean).then_some(Anchors::VERSION)
    }

    /// Returns the first part of the name, and the ending.
    fn stem_and_ending(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("segment", ".text"),
            Self::Suffix | Self::Lean => ("segment", ".suffix"),
            Self::Documents => ("segment", ".documents"),
            Self::Bloom => ("filter", ".bloom"),
            Self::RedisBloom => ("filter", ".redisbloom"),
            Self::Fuse => ("filter", ".fuse"),
        }
    }

    /// Returns the name of the file with this number, such as `segment-00003.text`.
    pub fn file_name(self, number: usize) -> String {
        let (stem, ending) = self.stem_and_ending();
        format!("{stem}-{number:05}{ending}")
    }

    pub fn path(self, directory: &Path, number: usize) -> PathBuf {
        directory.join(self.file_name(number))
    }

    /// Whether this is the name of a numbered file of some kind.
    pub fn may_be_named(name: &str) -> bool {
        Self::ALL.iter().any(|kind| {
            let (stem, ending) = kind.stem_and_ending();
            let numbered = name.strip_prefix(stem);
            numbered.is_some_and(|rest| rest.starts_with('-') && rest.ends_with(ending))
        })
    }
}
