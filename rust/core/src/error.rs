//! Errors, worded for the person who can fix them: each message names the culprit and ends with the remedy.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} {}: {source}{}", path.display(), io_remedy(source))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },

    #[error("{}: no index here ({what}); build one with `quotetune build-index`", path.display())]
    NoIndex { path: PathBuf, what: &'static str },

    #[error(
        "{}: not a quotetune {kind}; it was replaced or damaged, rebuild the index",
        path.display()
    )]
    Foreign { path: PathBuf, kind: &'static str },

    #[error(
        "{}: {what} version {found}, but this quotetune reads version {expected}; \
         rebuild the index, or use the quotetune that wrote it",
        path.display()
    )]
    Version {
        path: PathBuf,
        what: &'static str,
        found: u64,
        expected: u64,
    },

    #[error(
        "{}: {found} bytes long instead of {expected}; the file is truncated or was written over, \
         rebuild the index or copy it again",
        path.display()
    )]
    Length {
        path: PathBuf,
        found: u64,
        expected: u64,
    },

    #[error(
        "{}: damaged ({what}); `quotetune verify` checks every file, then rebuild the index or copy \
         it again",
        path.display()
    )]
    Damaged { path: PathBuf, what: String },

    #[error("{place}: {what}; {remedy}")]
    Input {
        place: String,
        what: String,
        remedy: &'static str,
    },

    #[error("{}: this index has no {missing}, so it cannot {task}; {remedy}", path.display())]
    Missing {
        path: PathBuf,
        missing: &'static str,
        task: &'static str,
        remedy: &'static str,
    },

    #[error("{}: no document {id:?} of source {source_name:?} in this index", path.display())]
    UnknownDocument {
        path: PathBuf,
        source_name: String,
        id: String,
    },

    #[error("{}: no document of source {source_name:?} in this index", path.display())]
    UnknownSource { path: PathBuf, source_name: String },

    #[error("{}: {what}; {remedy}", path.display())]
    Refused {
        path: PathBuf,
        what: String,
        remedy: &'static str,
    },

    #[error("{0}")]
    Usage(String),

    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Adapter for `map_err`: names the action that failed and its path.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub fn damaged(path: &Path, what: impl Display) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.to_string(),
        }
    }

    pub fn input(place: impl Display, what: impl Display, remedy: &'static str) -> Self {
        Self::Input {
            place: place.to_string(),
            what: what.to_string(),
            remedy,
        }
    }
}

fn io_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space there, or write to another disk"
        }
        io::ErrorKind::PermissionDenied => "; check who may read and write it",
        io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidInput => "; check the path",
        _ => "",
    }
}
