//! N-gram filters and suffix index of a trusted corpus.
//!
//! The rooms are listed from the ground up. A room imports only rooms that are listed above it, and no two files import
//! each other, directly or by a detour; `tests/layers.rs` checks both.

#[cfg(not(unix))]
compile_error!("quotetune supports Linux and macOS; on Windows, use it in WSL");

pub mod error;
pub mod memory;
pub mod text;

pub mod filter;
pub mod suffix;

pub mod progress;
pub mod reading;
pub mod store;

pub mod filter_files;

pub mod build;
pub mod query;

pub mod guide;

pub mod change;
