//! The elements of a JSON array, one by one: only one at a time is in memory.

use std::io::{self, BufRead};

use super::fault::{Fault, GET_IT_AGAIN, explain};
use super::lines::{LONGEST, RawRecord};
use super::opener::Text;
use crate::error::Result;

pub struct ArrayReader {
    pub(super) text: Text,
    /// The number of elements so far.
    number: u64,
    /// The line of the next byte; 0 before the array.
    line: u64,
    is_finished: bool,
    /// The largest number of bytes that an element may have.
    limit: u64,
    /// The state of the scan where an element became too long. The rest of that element is skipped.
    inside: Option<Scanner>,
}

impl ArrayReader {
    /// Reads an array. There is only white space before it.
    pub fn new(text: Text) -> Self {
        Self::with_limit(text, LONGEST)
    }

    pub(super) fn with_limit(text: Text, limit: u64) -> Self {
        Self {
            text,
            number: 0,
            line: 0,
            is_finished: false,
            limit,
            inside: None,
        }
    }

    pub fn next_element(&mut self) -> Result<Option<RawRecord>> {
        let element = self.read();
        element.map_err(|error| explain(format_args!("{}:{}", self.text.name, self.line), &error))
    }

    fn read(&mut self) -> io::Result<Option<RawRecord>> {
        if self.line == 0 {
            self.line = 1;
            self.pass_blanks()?;
            self.text.bytes.consume(1);
        }
        if let Some(scanner) = self.inside.take() {
            self.take_element(scanner, &mut Vec::new(), u64::MAX)?;
        }
        if self.is_finished {
            return Ok(None);
        }
        self.pass_blanks()?;
        let (line, mut bytes) = (self.line, Vec::new());
        let is_whole = self.take_element(Scanner::default(), &mut bytes, self.limit)?;
        if self.is_finished && bytes.is_empty() && self.number == 0 {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(RawRecord {
            number: self.number,
            line,
            start: 0,
            bytes,
            has_line_end: false,
            is_too_long: !is_whole,
        }))
    }

    /// Takes an element and the comma or bracket after it. Returns false if the element is over the limit.
    fn take_element(
        &mut self,
        mut scanner: Scanner,
        element: &mut Vec<u8>,
        limit: u64,
    ) -> io::Result<bool> {
        let is_kept = limit < u64::MAX;
        loop {
            let bytes = self.text.bytes.fill_buf()?;
            if bytes.is_empty() {
                return Err(Fault::error("a JSON array without its end", GET_IT_AGAIN));
            }
            let end = scanner.end_of_element(bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            self.line += memchr::memchr_iter(b'\n', part).count() as u64;
            let is_over = (element.len() + part.len()) as u64 > limit;
            if is_kept && !is_over {
                element.extend_from_slice(part);
            }
            let terminator = end.map(|end| bytes[end]);
            let taken = part.len() + usize::from(terminator.is_some());
            self.text.bytes.consume(taken);
            if is_over {
                *element = Vec::new();
            }
            match terminator {
                None if is_over => {
                    self.inside = Some(scanner);
                    return Ok(false);
                }
                None => continue,
                Some(b'}') => return Err(Fault::error("a } without its {", GET_IT_AGAIN)),
                Some(terminator) => self.is_finished = terminator == b']',
            }
            element.truncate(element.trim_ascii_end().len());
            if self.is_finished {
                self.check_end()?;
            }
            return Ok(!is_over);
        }
    }

    /// Returns an error unless only white space comes after the array.
    fn check_end(&mut self) -> io::Result<()> {
        match self.pass_blanks()? {
            None => Ok(()),
            Some(_) => Err(Fault::error(
                "text after the end of a JSON array",
                "write one array of objects, or one object a line",
            )),
        }
    }

    /// Skips white space and returns the byte after it.
    fn pass_blanks(&mut self) -> io::Result<Option<u8>> {
        loop {
            let bytes = self.text.bytes.fill_buf()?;
            let blanks = bytes.len() - bytes.trim_ascii_start().len();
            self.line += memchr::memchr_iter(b'\n', &bytes[..blanks]).count() as u64;
            let next = bytes.get(blanks).copied();
            let is_end = bytes.is_empty();
            self.text.bytes.consume(blanks);
            if next.is_some() || is_end {
                return Ok(next);
            }
        }
    }
}

/// Follows strings and brackets from one stretch of bytes to the next.
#[derive(Default)]
struct Scanner {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Scanner {
    /// Returns the place of the comma or bracket after the element.
    fn end_of_element(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at = self.pass_string(bytes, at);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'[' | b'{' => self.depth += 1,
                b',' | b']' | b'}' if self.depth == 0 => return Some(at),
                b']' | b'}' => self.depth -= 1,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Returns the place after the closing quotation mark, or after the next escape, of the string that contains `at`.
    fn pass_string(&mut self, bytes: &[u8], at: usize) -> usize {
        if self.is_escaped {
            self.is_escaped = false;
            return at + 1;
        }
        let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else {
            return bytes.len();
        };
        match bytes[at + next] {
            b'"' => self.in_string = false,
            _ => self.is_escaped = true,
        }
        at + next + 1
    }
}
