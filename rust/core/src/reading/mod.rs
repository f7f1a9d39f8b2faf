//! What a file of text contains: compression and encoding are told by its first bytes, and records are read one by one.

pub mod array;
pub mod buffered;
pub mod compression;
pub mod fault;
pub mod gzip;
pub mod lines;
pub mod opener;
pub mod records;
pub mod signature;
pub mod source;
pub mod utf16;
pub mod zstd;
