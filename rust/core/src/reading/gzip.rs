//! gzip data: members in a row, as `cat` joins them, and zeros at the end that fill a block.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::buffered::Buffered;
use super::fault::{Fault, GET_IT_AGAIN};

pub struct Gzip {
    /// None after the end.
    member: Option<GzDecoder<Buffered>>,
}

impl Gzip {
    pub fn new(bytes: Buffered) -> Self {
        Self {
            member: Some(GzDecoder::new(bytes)),
        }
    }
}

impl Read for Gzip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let length = member.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let finished = self.member.take();
            self.member = finished
                .map(GzDecoder::into_inner)
                .map_or(Ok(None), next_member)?;
        }
        Ok(0)
    }
}

fn next_member(mut bytes: Buffered) -> io::Result<Option<GzDecoder<Buffered>>> {
    loop {
        match bytes.peek(|head| head.len() >= 2)? {
            [] => return Ok(None),
            [0, ..] => bytes.consume(1),
            [0x1F, 0x8B, ..] | [0x1F] => return Ok(Some(GzDecoder::new(bytes))),
            _ => {
                let what = "bytes after the end of gzip data";
                return Err(Fault::error(what, GET_IT_AGAIN));
            }
        }
    }
}
