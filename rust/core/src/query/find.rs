//! Finding a quote in a document.

use memchr::memmem;

use super::index::Index;
use crate::error::Result;
use crate::text::chars::count_chars;

impl Index {
    /// Returns the span of the first occurrence of a quote in a document, in characters of the text that `document`
    /// returns, or None if it does not occur there. `quote` is normalised text, as in `Quote::text`.
    pub fn find(&self, source: &str, id: &str, quote: &str) -> Result<Option<(usize, usize)>> {
        let (segment, document) = self.place(source, id)?;
        let text = segment.document_text(document)?.as_bytes();
        let Some(byte) = memmem::find(text, quote.as_bytes()) else {
            return Ok(None);
        };
        let start = count_chars(&text[..byte]);
        let end = start + count_chars(quote.as_bytes());
        let edits = segment.documents().record(document)?.edits;
        segment.original_span(document, edits, start, end).map(Some)
    }
}
