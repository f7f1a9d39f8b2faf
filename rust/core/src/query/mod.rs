//! Queries of an index: how much of a text is in the corpus, which parts, and in which documents.

mod about;
mod containing;
mod count;
mod filters;
mod find;
mod index;
pub mod locate;
mod member;
mod names;
mod quip;
mod rehearsal;
mod repeats;
pub mod spans;
mod topic;
mod trace;

pub use containing::Containing;
pub use index::{Index, StoredDocument};
pub use quip::Quip;
pub use repeats::{Duplicates, RepeatedRange, RepeatedText, Repeats};
pub use topic::Topic;
pub use trace::{Quote, QuoteSource, Report};
