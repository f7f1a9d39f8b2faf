//! zstd data: frames in a row, each with a window of its own.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::buffered::Buffered;
use super::fault::{Fault, GET_IT_AGAIN, truncated};
use super::signature::Compression;

/// The length of the longest frame header.
const HEADER: usize = 18;
/// The largest window that zstd makes (`--long=31`).
pub const LARGEST_WINDOW: u64 = 1 << 31;

pub struct Zstd {
    bytes: Buffered,
    decoder: Decoder<'static>,
    in_frame: bool,
    /// The largest window that the memory limit allows.
    window_limit: u64,
}

impl Zstd {
    pub fn new(bytes: Buffered, window_limit: u64) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(LARGEST_WINDOW.ilog2()))?;
        Ok(Self {
            bytes,
            decoder,
            in_frame: false,
            window_limit,
        })
    }

    /// Starts the next frame. Returns false at the end.
    fn begin_frame(&mut self) -> io::Result<bool> {
        let header = self.bytes.peek(|head| head.len() >= HEADER)?;
        if header.is_empty() {
            return Ok(false);
        }
        if Compression::of_bytes(header) != Some(Compression::Zstd) {
            return Err(match Compression::Zstd.is_cut(header) {
                true => truncated("zstd data"),
                false => Fault::error("bytes after the end of zstd data", GET_IT_AGAIN),
            });
        }
        if let Some(window) = window(header) {
            check_window(window, self.window_limit)?;
        }
        self.decoder.reinit()?;
        self.in_frame = true;
        Ok(true)
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if !self.in_frame && !self.begin_frame()? {
                break;
            }
            let mut input = InBuffer::around(self.bytes.fill_buf()?);
            let at_end = input.src.is_empty();
            let mut output = OutBuffer::around(&mut *buffer);
            let hint = self.decoder.run(&mut input, &mut output)?;
            let (taken, made) = (input.pos(), output.pos());
            self.bytes.consume(taken);
            self.in_frame = hint > 0;
            if made > 0 {
                return Ok(made);
            }
            if at_end && self.in_frame {
                return Err(truncated("zstd data"));
            }
        }
        Ok(0)
    }
}

fn check_window(window: u64, limit: u64) -> io::Result<()> {
    if window <= limit {
        return Ok(());
    }
    Err(match window > LARGEST_WINDOW {
        true => Fault::error(
            format!("zstd data with a window of {window} bytes, more than {LARGEST_WINDOW}"),
            "compress the file again as a stream (`zstd --long=31` at most)",
        ),
        false => Fault::error(
            format!(
                "zstd data with a window of {window} bytes, more than the {limit} that the memory limit leaves"
            ),
            "raise --memory-limit, or compress the file again with a smaller window",
        ),
    })
}

/// Returns the bytes of the window that a frame asks for (RFC 8878, section 3.1.1.1): None for a skippable frame and for a
/// header that is cut.
fn window(header: &[u8]) -> Option<u64> {
    let (magic, header) = header.split_first_chunk::<4>()?;
    if *magic != [0x28, 0xB5, 0x2F, 0xFD] {
        return None;
    }
    let (&descriptor, header) = header.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let &byte = header.first()?;
        let base = 1u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * u64::from(byte & 7));
    }
    // In such a frame, the size of the content, after the dictionary's number, is also the window.
    let size = header.get([0, 1, 2, 4][usize::from(descriptor & 3)]..)?;
    Some(match descriptor >> 6 {
        0 => u64::from(*size.first()?),
        1 => 256 + u64::from(u16::from_le_bytes(*size.first_chunk()?)),
        2 => u64::from(u32::from_le_bytes(*size.first_chunk()?)),
        _ => u64::from_le_bytes(*size.first_chunk()?),
    })
}
