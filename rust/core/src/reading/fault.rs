//! Faults in the bytes of a file. They pass through `Read`, so an `io::Error` carries them.

use std::fmt::Display;
use std::io;

use crate::error::Error;

/// What was found in a file, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {remedy}")]
pub struct Fault {
    what: String,
    remedy: &'static str,
}

/// The error of a wait for input that a signal ended.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Stopped;

pub const GET_IT_AGAIN: &str = "the file is incomplete or damaged, get it again";

impl Fault {
    pub fn error(what: impl Into<String>, remedy: &'static str) -> io::Error {
        io::Error::other(Self {
            what: what.into(),
            remedy,
        })
    }
}

/// Turns a decoder's error about the data into a fault. Errors of the disk, and faults, stay as they are.
pub fn explain_decoder(error: io::Error, data: &str) -> io::Error {
    let inner = error.get_ref();
    let is_known = inner.is_some_and(|inner| inner.is::<Fault>() || inner.is::<Stopped>());
    if is_known || error.raw_os_error().is_some() {
        return error;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => truncated(data),
        _ => Fault::error(
            format!("cannot read on: damaged {data} ({error})"),
            GET_IT_AGAIN,
        ),
    }
}

pub fn truncated(data: &str) -> io::Error {
    Fault::error(format!("cannot read on: truncated {data}"), GET_IT_AGAIN)
}

/// Returns the error of a read, with what was found and the remedy.
pub fn explain(place: impl Display, error: &io::Error) -> Error {
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<Stopped>()) {
        return Error::Interrupted;
    }
    match inner.and_then(|inner| inner.downcast_ref::<Fault>()) {
        Some(fault) => Error::input(place, &fault.what, fault.remedy),
        None => Error::input(
            place,
            format_args!("cannot read on: {error}"),
            "check the disk that the file is on",
        ),
    }
}
