//! A Bloom filter that RedisBloom made and data-portraits published: imported once, then asked without Redis.
//!
//! [`dump`] finds the bytes of such a filter in its files, [`header`] reads its parameters, [`import`] makes an index of
//! it; [`file`] answers, with [`crate::filter::redis_bloom`].

pub mod dump;
pub mod file;
pub mod header;
pub mod import;
