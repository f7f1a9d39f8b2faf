//! Where a quote occurs in a document.

use memchr::memmem;

use super::index::Index;
use crate::error::Result;
use crate::text::chars::count_chars;

impl Index {
    /// The first occurrence of a quote (`Quote::text`, which is normalised) in a document, in characters of the text that
    /// `document` gives; none if it does not occur there.
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
