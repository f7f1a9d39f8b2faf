//! What a corpus contains several times: the texts of `chars` characters or more that occur `times` times or more.
//!
//! All suffixes are read in order. Those that start with the same `chars` characters are neighbours, so one pass finds
//! every text of that length that occurs often enough. It sets a bit for each of its places, 1/8 byte per byte of text.
//! The characters that these texts cover are the repeated ranges of a document.

mod duplicates;
mod groups;
mod marks;
mod merged;
mod ranges;
mod stretches;
mod texts;

pub use duplicates::Duplicates;
pub use ranges::{RepeatedRange, Repeats};
pub use texts::RepeatedText;
