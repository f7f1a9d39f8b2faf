//! Counts the characters of a document before one of its bytes, without reading all of them.
//!
//! For every [`STEP`] bytes of a document, a table stores how many characters start before that point, so fewer than
//! [`STEP`] bytes remain to be counted. The entries of the document that starts at byte s of the text start at s /
//! STEP. Each document is followed by a separator, so its entries end before those of the next document. The table
//! takes 4 bytes per KiB of text.

use crate::memory::prefetch::prefetch;
use crate::text::chars::count_chars;

/// Bytes between two entries.
const STEP: usize = 1024;

/// Returns the bytes of the table of a text, to within one entry per document.
pub fn table_bytes(text_bytes: u64) -> u64 {
    text_bytes / STEP as u64 * size_of::<u32>() as u64
}

/// Makes the table of a text from its documents, in order.
#[derive(Default)]
pub struct CharOffsetsWriter {
    table: Vec<u32>,
}

impl CharOffsetsWriter {
    /// Adds the document that starts at byte `start` of the text.
    pub fn push(&mut self, start: u64, document: &str) {
        self.table.resize(start as usize / STEP, 0);
        let mut characters = 0;
        for step in document.as_bytes().chunks_exact(STEP) {
            characters += count_chars(step) as u32;
            self.table.push(characters);
        }
    }

    pub fn finish(self) -> Vec<u32> {
        self.table
    }
}

/// The table of a segment. It is empty for an index that was built without one.
#[derive(Clone, Copy)]
pub struct CharOffsets<'a> {
    table: &'a [u32],
}

impl<'a> CharOffsets<'a> {
    pub fn new(table: &'a [u32]) -> Self {
        Self { table }
    }

    /// Returns the characters of the document that starts at byte `start` of `text` before byte `position` of the
    /// text, or None if these bytes are not in the text in this order.
    pub fn count(&self, text: &[u8], start: usize, position: usize) -> Option<usize> {
        let (steps, entry) = entry_before(start, position)?;
        // A damaged table gives a wrong number, but no error.
        let (counted, from) = match entry.and_then(|entry| self.table.get(entry)) {
            Some(&characters) => (characters as usize, start + steps * STEP),
            None => (0, start),
        };
        Some(counted + count_chars(text.get(from..position)?))
    }

    /// Prefetches what `count` reads.
    pub fn prefetch(&self, text: &[u8], start: usize, position: usize) {
        if let Some((steps, entry)) = entry_before(start, position) {
            prefetch(text, start + steps * STEP);
            if let Some(entry) = entry {
                prefetch(self.table, entry);
            }
        }
    }
}

/// Returns the whole steps of a document before a position, and the table's entry for the last of them.
fn entry_before(start: usize, position: usize) -> Option<(usize, Option<usize>)> {
    let steps = position.checked_sub(start)? / STEP;
    Some((steps, steps.checked_sub(1).map(|last| start / STEP + last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes documents of these lengths, from characters of one to four bytes.
    fn documents(lengths: &[usize]) -> Vec<String> {
        let characters = ['a', '\u{e9}', '\u{4e2d}', '\u{1f600}', 'b'];
        let of = |&length: &usize| (0..length).map(|i| characters[i * i % 7 % 5]).collect();
        lengths.iter().map(of).collect()
    }

    #[test]
    fn every_character_of_every_document_is_counted_right() {
        let lengths = [0, 1, 5000, 1023, 1024, 1025, 0, 0, 2047, 2048, 3, 9000];
        let documents = documents(&lengths);
        let mut writer = CharOffsetsWriter::default();
        let mut text = String::new();
        let mut starts = Vec::new();
        for document in &documents {
            writer.push(text.len() as u64, document);
            starts.push(text.len());
            text += document;
            text.push('|');
        }
        let table = writer.finish();
        assert!(table.len() <= text.len() / STEP);
        for table in [&table[..], &[]] {
            let offsets = CharOffsets::new(table);
            for (document, &start) in documents.iter().zip(&starts) {
                for (characters, (byte, _)) in document.char_indices().enumerate() {
                    let counted = offsets.count(text.as_bytes(), start, start + byte);
                    assert_eq!(counted, Some(characters));
                }
            }
        }
    }

    #[test]
    fn what_is_not_in_the_text_has_no_offset() {
        let offsets = CharOffsets::new(&[7, 7]);
        assert_eq!(offsets.count(b"some text", 4, 3), None);
        assert_eq!(offsets.count(b"some text", 0, 5000), None);
        assert_eq!(offsets.count(b"some text", usize::MAX, usize::MAX), None);
    }
}
