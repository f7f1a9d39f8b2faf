//! Converts UTF-16 to UTF-8.

use std::io::{self, BufRead, Read};

use super::buffered::Buffered;
use super::fault::truncated;

/// Replaces half a character. No UTF-8 contains this byte, so the fault is refused, replaced or skipped as in any other
/// file.
const INVALID: u8 = 0xFF;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    Little,
    Big,
}

pub struct Utf16 {
    bytes: Buffered,
    endian: Endian,
    /// The first half of a character, until the second half is read.
    high: Option<u16>,
    decoded: Vec<u8>,
    taken: usize,
}

impl Utf16 {
    pub fn new(bytes: Buffered, endian: Endian) -> Self {
        Self {
            bytes,
            endian,
            high: None,
            decoded: Vec::new(),
            taken: 0,
        }
    }

    /// Decodes the bytes in the buffer. Returns false at the end.
    fn decode_more(&mut self) -> io::Result<bool> {
        self.decoded.clear();
        self.taken = 0;
        let bytes = self.bytes.peek(|bytes| bytes.len() >= 2)?;
        if bytes.len() == 1 {
            return Err(truncated("UTF-16 text (an odd number of bytes)"));
        }
        let is_end = bytes.is_empty();
        let number = match self.endian {
            Endian::Little => u16::from_le_bytes,
            Endian::Big => u16::from_be_bytes,
        };
        let units = bytes.chunks_exact(2).map(|pair| number([pair[0], pair[1]]));
        let mut units = self.high.take().into_iter().chain(units).peekable();
        while let Some(unit) = units.next() {
            if !is_end && (0xD800..0xDC00).contains(&unit) && units.peek().is_none() {
                self.high = Some(unit);
                break;
            }
            let pair = units.peek().map_or([unit, 0], |&next| [unit, next]);
            match char::decode_utf16(pair).next() {
                Some(Ok(character)) => {
                    if character.len_utf16() == 2 {
                        units.next();
                    }
                    let encoded = &mut [0; 4];
                    let encoded = character.encode_utf8(encoded);
                    self.decoded.extend_from_slice(encoded.as_bytes());
                }
                _ => self.decoded.push(INVALID),
            }
        }
        let length = bytes.len() / 2 * 2;
        self.bytes.consume(length);
        Ok(!is_end || !self.decoded.is_empty())
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.decoded.len() {
            if buffer.is_empty() || !self.decode_more()? {
                return Ok(0);
            }
        }
        let length = (&self.decoded[self.taken..]).read(buffer)?;
        self.taken += length;
        Ok(length)
    }
}
