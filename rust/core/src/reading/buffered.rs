//! A buffer whose next bytes can be looked at before they are taken.

use std::io::{self, BufRead, Read};

/// Bytes that are read at a time, and that can be looked at.
pub const BUFFER: usize = 1 << 18;

pub struct Buffered {
    inner: Box<dyn Read + Send + Sync>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffered {
    pub fn new(inner: impl Read + Send + Sync + 'static) -> Self {
        Self {
            inner: Box::new(inner),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
        }
    }

    /// The next bytes, without taking them: so many that `is_enough`, or all up to the end, or `BUFFER`.
    pub fn peek(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<&[u8]> {
        while !is_enough(&self.buffer[self.start..self.end]) {
            if self.end == BUFFER {
                if self.start == 0 {
                    break;
                }
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            let length = self.read_more()?;
            if length == 0 {
                break;
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Read behind what the buffer has.
    fn read_more(&mut self) -> io::Result<usize> {
        loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(length) => {
                    self.end += length;
                    return Ok(length);
                }
            }
        }
    }
}

impl BufRead for Buffered {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
    }
}

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}
