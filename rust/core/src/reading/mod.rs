//! Reads files of text. The first bytes decide the compression and the encoding. Records are read one at a time.

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
