//! A few texts with a suffix array in memory, such as the documents that a prompt comes with.

use crate::error::{Error, Result};
use crate::suffix::array::{MAX_TEXT, SEPARATOR, suffix_array};
use crate::suffix::jump::jump_table_of_all;
use crate::suffix::view::SuffixView;
use crate::text::normalization::Normalization;

/// An index of a few texts. It takes 5 bytes of memory per byte of text.
pub struct Texts {
    normalization: Normalization,
    text: Vec<u8>,
    sorted: Vec<u32>,
    jump: Vec<u32>,
}

impl Texts {
    /// Indexes texts as given, which are normalised first.
    pub fn new(texts: &[&str], normalization: Normalization) -> Result<Self> {
        let texts = texts.iter().map(|text| normalization.normalize(text));
        let texts: Vec<_> = texts.collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        Self::of_normalized(&texts, normalization)
    }

    /// Indexes texts that are normalised already, such as those that an index stores. A normalised text must not be
    /// normalised again.
    pub fn of_normalized(texts: &[&str], normalization: Normalization) -> Result<Self> {
        let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
        if bytes > MAX_TEXT {
            return Err(Error::Usage(format!(
                "the texts have {bytes} bytes, and an index in memory has at most {MAX_TEXT}: build an index of \
                 them with `quotetune build-index`"
            )));
        }
        let mut text = Vec::with_capacity(bytes);
        for one in texts {
            text.extend_from_slice(one.as_bytes());
            text.push(SEPARATOR);
        }
        // A copy, because a suffix array is sorted on large pages, which are megabytes.
        let sorted = suffix_array(&text).to_vec();
        Ok(Self {
            normalization,
            jump: jump_table_of_all(&text),
            sorted,
            text,
        })
    }

    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    pub(super) fn view(&self) -> SuffixView<'_> {
        SuffixView::new(&self.text, &self.sorted, &self.jump)
            .expect("the arrays were made of this text")
    }
}
