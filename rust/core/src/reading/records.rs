//! The records of a file: its lines, or the elements of its one array.

use serde::de::IgnoredAny;

use super::array::ArrayReader;
use super::buffered::{BUFFER, Buffered};
use super::fault::explain;
use super::lines::{LineReader, RawRecord};
use super::opener::Text;
use crate::error::Result;

pub enum Records {
    Lines(LineReader),
    Array(ArrayReader),
}

impl Records {
    pub fn new(mut text: Text) -> Result<Self> {
        let is_array =
            begins_array(&mut text.bytes).map_err(|error| explain(&text.name, &error))?;
        Ok(match is_array {
            true => Self::Array(ArrayReader::new(text)),
            false => Self::Lines(LineReader::new(text)),
        })
    }

    /// Returns the next record. A line may be blank.
    pub fn next_record(&mut self) -> Result<Option<RawRecord>> {
        match self {
            Self::Lines(reader) => reader.next_line(),
            Self::Array(reader) => reader.next_element(),
        }
    }

    pub fn text(&self) -> &Text {
        match self {
            Self::Lines(reader) => &reader.text,
            Self::Array(reader) => &reader.text,
        }
    }

    pub fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// Returns whether reading can start at any line. It can unless the file is compressed, UTF-16 or an array.
    pub fn is_cuttable(&self) -> bool {
        !self.is_array() && self.text().plain_from.is_some()
    }
}

/// Returns whether the text is one array. If a complete array on one line has more text after it, it is a bad record of
/// JSONL.
fn begins_array(bytes: &mut Buffered) -> std::io::Result<bool> {
    let first = |head: &[u8]| head.trim_ascii_start().first().copied();
    if first(bytes.peek(|head| first(head).is_some())?) != Some(b'[') {
        return Ok(false);
    }
    let split = |head: &[u8]| {
        let head = head.trim_ascii_start();
        let end = memchr::memchr(b'\n', head)?;
        let is_more = !head[end..].trim_ascii_start().is_empty();
        is_more.then_some((head.len(), end))
    };
    let head = bytes.peek(|head| split(head).is_some() || head.len() == BUFFER)?;
    let head_start = head.trim_ascii_start();
    Ok(match split(head) {
        Some((_, end)) => serde_json::from_slice::<IgnoredAny>(&head_start[..end]).is_err(),
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::{ArrayReader, LineReader, RawRecord, Text};
    use crate::reading::opener::Opening;
    use crate::reading::source::Input;

    fn text(content: &str) -> Text {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in");
        std::fs::write(&path, content).unwrap();
        let opening = Opening {
            memory_limit: None,
            on_signal: || true,
        };
        Text::open(&Input::File(path), opening).unwrap()
    }

    fn summary(record: RawRecord) -> (u64, u64, String, bool) {
        let text = String::from_utf8(record.bytes).unwrap();
        (record.number, record.start, text, record.is_too_long)
    }

    #[test]
    fn a_line_over_the_limit_is_passed_over() {
        // The limit includes the line end.
        let mut reader = LineReader::with_limit(text("abc\nabcd\nabcdefghi\n\nabcdef"), 4);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            lines.push(summary(line));
        }
        let expected = [
            (1, 0, "abc", false),
            (2, 4, "", true),
            (3, 9, "", true),
            (4, 19, "", false),
            (5, 20, "", true),
        ];
        assert_eq!(
            lines,
            expected.map(|(number, start, text, long)| (number, start, text.to_owned(), long))
        );
    }

    #[test]
    fn an_element_over_the_limit_is_passed_over() {
        let long = format!(
            "[\"{}\", 1, [{}], \"ab\", {{}}]",
            "x,]".repeat(200_000),
            "1,".repeat(200_000)
        );
        let mut reader = ArrayReader::with_limit(text(&long), 4);
        let mut elements = Vec::new();
        while let Some(element) = reader.next_element().unwrap() {
            elements.push(summary(element));
        }
        let expected = [
            (1, "", true),
            (2, "1", false),
            (3, "", true),
            (4, "\"ab\"", false),
            (5, "{}", false),
        ];
        assert_eq!(
            elements,
            expected.map(|(number, text, long)| (number, 0, text.to_owned(), long))
        );
    }
}
