//! A buffer whose next bytes can be looked at before they are taken.

use std::io::{self, BufRead, Read};

use super::fault::Stopped;

/// The number of bytes that are read at a time, and that can be looked at.
pub const BUFFER: usize = 1 << 18;

pub struct Buffered {
    inner: Box<dyn Read + Send + Sync>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The error after the bytes in the buffer. It is returned once they are taken.
    error: Option<io::Error>,
}

impl Buffered {
    pub fn new(inner: impl Read + Send + Sync + 'static) -> Self {
        Self {
            inner: Box::new(inner),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            error: None,
        }
    }

    /// Returns the next bytes without taking them: as many as `is_enough` asks for, or all before the end or an error,
    /// but at most `BUFFER`.
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
            match self.read_more() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if self.start == self.end || is_stop(&error) => return Err(error),
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Reads more bytes into the buffer.
    fn read_more(&mut self) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
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

fn is_stop(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
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
