//! Reads the lines of a file, which may be compressed, and counts the bytes taken from the disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::input::Input;
use crate::error::{Error, Result};

const BUFFER: usize = 1 << 18;
/// No longer document can be indexed, and a few bytes of a compressed file can expand to a line of any length.
const MAX_LINE: u64 = 1 << 31;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

struct CountingReader<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Standard input, which may be silent for a long time. A signal ends the wait, so that Ctrl-C works.
struct InterruptibleStdin;

impl Read for InterruptibleStdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Readers of lines retry after `Interrupted`, and would keep waiting.
        io::stdin()
            .read(buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::Interrupted => io::Error::other("interrupted"),
                _ => error,
            })
    }
}

/// A line without its line end.
pub struct Line {
    pub number: u64,
    /// Position of its start, in decompressed bytes.
    pub start: u64,
    pub bytes: Vec<u8>,
}

pub struct LineReader {
    reader: Box<dyn BufRead>,
    bytes: Arc<AtomicU64>,
    name: String,
    number: u64,
    /// Bytes of the lines read so far, decompressed.
    position: u64,
}

impl LineReader {
    pub fn open(input: &Input) -> Result<Self> {
        let bytes = Arc::new(AtomicU64::new(0));
        let reader: Box<dyn BufRead> = match input {
            Input::Stdin => Box::new(BufReader::with_capacity(
                BUFFER,
                CountingReader {
                    inner: InterruptibleStdin,
                    bytes: Arc::clone(&bytes),
                },
            )),
            Input::File(path) => {
                let inner = File::open(path).map_err(Error::io("open", path))?;
                let counted = CountingReader {
                    inner,
                    bytes: Arc::clone(&bytes),
                };
                decompressed(counted, path)?
            }
        };
        Ok(Self {
            reader,
            bytes,
            name: input.name(),
            number: 0,
            position: 0,
        })
    }

    /// Returns the bytes taken from the disk so far, before decompression.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the next line. A byte order mark before the first line is left out.
    pub fn next_line(&mut self) -> Result<Option<Line>> {
        let mut bytes = Vec::new();
        self.number += 1;
        let length = read_line(&mut self.reader, &mut bytes, MAX_LINE).map_err(|error| {
            Error::input(
                format_args!("{}:{}", self.name, self.number),
                format_args!("cannot read on: {error}"),
                "the file is damaged or incomplete, get it again",
            )
        })?;
        if length == 0 {
            return Ok(None);
        }
        let start = self.position;
        self.position += length as u64;
        if bytes.ends_with(b"\n") {
            bytes.pop();
        }
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        let number = self.number;
        Ok(Some(Line {
            number,
            start,
            bytes,
        }))
    }
}

/// Reads up to the end of a line. A line of more than `limit` bytes is an error.
fn read_line(reader: impl BufRead, bytes: &mut Vec<u8>, limit: u64) -> io::Result<usize> {
    let length = reader.take(limit + 1).read_until(b'\n', bytes)?;
    match length as u64 > limit {
        true => Err(io::Error::other(format!(
            "a line of more than {limit} bytes"
        ))),
        false => Ok(length),
    }
}

fn decompressed(file: CountingReader<File>, path: &Path) -> Result<Box<dyn BufRead>> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    Ok(match ending {
        // Both decoders continue after the end of a member, since such files are often concatenated.
        Some("gz") => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
        Some("zst") => {
            let decoder = zstd::Decoder::new(file).map_err(Error::io("open", path))?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        _ => Box::new(BufReader::with_capacity(BUFFER, file)),
    })
}

#[cfg(test)]
mod tests {
    use super::read_line;

    #[test]
    fn a_line_is_read_up_to_the_limit_and_no_further() {
        let mut bytes = Vec::new();
        assert_eq!(read_line(&b"abc\nd"[..], &mut bytes, 4).unwrap(), 4);
        assert_eq!(bytes, b"abc\n");
        let error = read_line(
            std::io::BufReader::new(std::io::repeat(b'a')),
            &mut bytes,
            4,
        );
        assert!(error.unwrap_err().to_string().contains("more than 4 bytes"));
        assert_eq!(bytes.len(), 9);
    }
}
