//! The files of an index: one directory of immutable files, and the manifest that names them.

pub mod char_offsets;
pub mod checksum;
pub mod container;
pub mod directory;
pub mod documents;
pub mod header;
pub mod identities;
pub mod kind;
pub mod lock;
pub mod manifest;
pub mod names;
pub mod original;
pub mod output;
pub mod segment;
pub mod verify;
