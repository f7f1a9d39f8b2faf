//! The guide: how long a quote each next token of a response would continue.
//!
//! While a model samples, a decoder can favour the tokens that continue a quote. For each candidate token it asks for m,
//! the length in characters of the longest suffix of the response with the token that occurs in the corpus. All rules
//! follow from three sentences:
//!
//! - The *text* is the bytes of the response's tokens and of the candidate, normalised as the corpus is, without the
//!   prompt. White space at its end counts, as it does before a further character. Bytes that are not UTF-8 occur nowhere,
//!   so no match contains them.
//! - m is the number of characters of the longest suffix of the text that occurs in a document. At the end there may be
//!   the first bytes of a character. They count nothing, but the corpus must continue the match with these bytes.
//! - m is at most `max_chars`, and it is 0 below `min_chars` and for a token without bytes.
//!
//! How it is found. If a suffix of L characters of the response continues with a token, every shorter suffix does, so
//! the longest is found by bisection. A suffix array has no suffix links, so each length is a search of its own. A search
//! takes most of a microsecond on 200 MB, and five of them for each of 40 tokens would take too long. Four observations
//! save most of them:
//!
//! 1. All tokens of a response continue the same suffixes. Their intervals are found once per step, for all responses
//!    together, and a token is only searched for inside an interval (`suffixes.rs`).
//! 2. From some length on, a suffix occurs only a few times. Those occurrences are read once per step, with the number
//!    of characters before them that they share with the response (`occurrences.rs`). They are in the order of what
//!    follows, so they answer for every token that continues one of them, without the index.
//! 3. Of many tokens not even `min_chars` characters occur. That takes one search, and it comes first.
//! 4. Searches of many tokens wait for memory together, and go through the array in its order (`full.rs`).
//!
//! The intervals could be kept from step to step and narrowed by the token that was sampled. They are found anew, which
//! takes about a fifth of the time: those of the short suffixes, which take most of it, are no smaller after a narrowing.
//! A response is then no more than its last characters, and can be derived from its tokens at any time, such as after
//! a preemption.

pub mod corpus;
mod ends;
mod filter;
mod full;
mod guiding;
mod largest;
mod lean;
mod ngrams;
mod occurrences;
mod pattern;
pub mod response;
mod suffixes;
pub mod texts;
pub mod token_trie;
mod verbatim;
pub mod vocabulary;

pub use ends::Ends;
pub use guiding::{Guide, Row};
pub use largest::largest;
