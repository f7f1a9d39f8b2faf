//! Opens a file of text. Its first bytes, not its name, decide the compression and the encoding.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::buffered::Buffered;
use super::compression::decompressed;
use super::fault::{Fault, explain, truncated};
use super::signature::{Compression, is_decided, refused};
use super::source::{Input, OnSignal, Source};
use super::utf16::{Endian, Utf16};
use super::zstd::LARGEST_WINDOW;
use crate::error::Result;

/// The bytes at the start of a file that are checked for NULs.
const SAMPLE: usize = 4096;
/// The bytes of a memory limit that a decoder leaves for everything else.
const REST: u64 = 128 << 20;

/// Options of opening a file.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The approximate memory limit in bytes.
    pub memory_limit: Option<u64>,
    pub on_signal: OnSignal,
}

impl Opening {
    fn window_limit(self) -> u64 {
        let left = self.memory_limit.map(|limit| limit.saturating_sub(REST));
        left.unwrap_or(LARGEST_WINDOW).min(LARGEST_WINDOW)
    }
}

/// An open file of text. Its bytes are decompressed, and UTF-16 is converted to UTF-8.
pub struct Text {
    pub bytes: Buffered,
    taken: Arc<AtomicU64>,
    pub name: String,
    /// The place in the file where the text starts, after the byte order mark. None if the file is compressed or
    /// UTF-16.
    pub plain_from: Option<u64>,
    /// The name of the encoding in messages.
    pub encoding: &'static str,
}

impl Text {
    pub fn open(input: &Input, opening: Opening) -> Result<Self> {
        let source = Source::open(input, opening.on_signal)?;
        let (taken, name) = (source.taken(), input.name());
        let opened = open(source, &name, opening.window_limit());
        let (bytes, plain_from, encoding) = opened.map_err(|error| explain(&name, &error))?;
        Ok(Self {
            bytes,
            taken,
            name,
            plain_from,
            encoding,
        })
    }

    /// Returns the number of bytes read from the disk so far, before decompression.
    pub fn bytes_read(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

fn open(
    source: Source,
    name: &str,
    window_limit: u64,
) -> io::Result<(Buffered, Option<u64>, &'static str)> {
    let is_pipe = source.is_pipe;
    let mut bytes = Buffered::new(source);
    let head = bytes.peek(is_decided)?;
    let compression = Compression::of_bytes(head);
    if let (None, Some(expected)) = (compression, Compression::of_name(name))
        && expected.is_cut(head)
    {
        return Err(truncated(expected.data()));
    }
    if let Some(compression) = compression {
        bytes = decompressed(bytes, compression, window_limit)?;
    }
    // The program at the other end of a pipe may wait for an answer to each line.
    let sample = match is_pipe && compression.is_none() {
        true => 1,
        false => SAMPLE,
    };
    let head = bytes.peek(|head| is_decided(head) && is_marked(head) && head.len() >= sample)?;
    if let (Some(outer), Some(inner)) = (compression, Compression::of_bytes(head)) {
        let (inner, outer) = (inner.data(), outer.data());
        return Err(Fault::error(
            format!("{inner} inside {outer}"),
            "decompress it once",
        ));
    }
    if let Some((what, remedy)) = refused(head) {
        return Err(match compression {
            Some(outer) => Fault::error(format!("{what} inside {}", outer.data()), remedy),
            None => Fault::error(what, remedy),
        });
    }
    let (mark, endian) = byte_order_mark(head)?;
    if let (None, Some(what)) = (endian, not_utf8(head)) {
        return Err(Fault::error(
            what,
            "convert it to UTF-8, or put the byte order mark of UTF-16 before it",
        ));
    }
    bytes.consume(mark);
    Ok(match endian {
        Some(endian) => (Buffered::new(Utf16::new(bytes, endian)), None, "UTF-16"),
        None => (bytes, compression.is_none().then_some(mark as u64), "UTF-8"),
    })
}

/// Returns whether there are enough bytes to recognise a byte order mark.
fn is_marked(head: &[u8]) -> bool {
    head.len() >= 4 || !matches!(head.first(), Some(0 | 0xEF | 0xFE | 0xFF))
}

/// Returns the length of the byte order mark, and the encoding that it stands for.
fn byte_order_mark(head: &[u8]) -> io::Result<(usize, Option<Endian>)> {
    match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Err(Fault::error("UTF-32 text", "convert it to UTF-8"))
        }
        [0xFF, 0xFE, ..] => Ok((2, Some(Endian::Little))),
        [0xFE, 0xFF, ..] => Ok((2, Some(Endian::Big))),
        [0xEF, 0xBB, 0xBF, ..] => Ok((3, None)),
        _ => Ok((0, None)),
    }
}

/// Returns what was found if the bytes look like UTF-16 without a mark. It has a NUL next to each ASCII character, and
/// other text hardly has any.
fn not_utf8(head: &[u8]) -> Option<String> {
    let sample = &head[..head.len().min(SAMPLE)];
    let zeros = memchr::memchr_iter(0, sample).count();
    (zeros * 50 > sample.len()).then(|| {
        let length = sample.len();
        format!("{zeros} NULs in the first {length} bytes, as in UTF-16 without a byte order mark")
    })
}
