//! Bloom filters that RedisBloom made and data-portraits published. They are imported once and then queried without
//! Redis.
//!
//! [`dump`] finds the bytes of such a filter in its files, [`header`] reads its parameters, and [`import`] makes an
//! index of it. [`file`] answers queries, with [`crate::filter::redis_bloom`].

pub mod dump;
pub mod file;
pub mod header;
pub mod import;
