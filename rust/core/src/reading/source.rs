//! The bytes of a file or of standard input, and their count.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::fault::Stopped;
use crate::error::{Error, Result};

/// A file, or standard input.
#[derive(Clone, Debug)]
pub enum Input {
    File(PathBuf),
    /// A file from one of its bytes on.
    Rest(PathBuf, u64),
    Stdin,
}

impl Input {
    /// Returns its name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) | Self::Rest(path, _) => path.display().to_string(),
            Self::Stdin => "<stdin>".to_owned(),
        }
    }
}

/// Called when a signal ends the wait for a pipe. Returns whether to continue.
pub type OnSignal = fn() -> bool;

enum Bytes {
    File(File),
    Stdin(Stdin),
}

pub struct Source {
    bytes: Bytes,
    on_signal: OnSignal,
    taken: Arc<AtomicU64>,
    /// Whether it is a pipe or a terminal, which may give nothing for a long time.
    pub is_pipe: bool,
}

impl Source {
    pub fn open(input: &Input, on_signal: OnSignal) -> Result<Self> {
        let (bytes, is_pipe) = match input {
            Input::Stdin => (Bytes::Stdin(io::stdin()), true),
            Input::File(path) => file(path, 0, on_signal)?,
            Input::Rest(path, start) => file(path, *start, on_signal)?,
        };
        Ok(Self {
            bytes,
            on_signal,
            taken: Arc::new(AtomicU64::new(0)),
            is_pipe,
        })
    }

    /// Returns the number of bytes read so far.
    pub fn taken(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.taken)
    }
}

/// Opens a file at one of its bytes. Also returns whether it is a pipe.
fn file(path: &Path, start: u64, on_signal: OnSignal) -> Result<(Bytes, bool)> {
    let mut file = open(path, on_signal)?;
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if start > 0 {
        file.seek(SeekFrom::Start(start))
            .map_err(Error::io("read", path))?;
    }
    Ok((Bytes::File(file), !is_file))
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.bytes {
                Bytes::File(file) => file.read(buffer),
                Bytes::Stdin(stdin) => stdin.read(buffer),
            };
            match read {
                // `read_until` and its like retry after `Interrupted`, so they would keep waiting.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if !(self.on_signal)() {
                        return Err(io::Error::other(Stopped));
                    }
                }
                Err(error) => return Err(error),
                Ok(length) => {
                    self.taken.fetch_add(length as u64, Ordering::Relaxed);
                    return Ok(length);
                }
            }
        }
    }
}

/// Opens a file. `File::open` waits for the writer of a named pipe, and no signal ends that wait.
fn open(path: &Path, on_signal: OnSignal) -> Result<File> {
    loop {
        match rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => return Ok(file.into()),
            Err(Errno::INTR) if on_signal() => {}
            Err(Errno::INTR) => return Err(Error::Interrupted),
            Err(error) => return Err(Error::io("open", path)(error.into())),
        }
    }
}
