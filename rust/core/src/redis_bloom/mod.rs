//! A Bloom filter that RedisBloom made and data-portraits published: imported once, then asked without Redis.
//!
//! [`dump`] finds the bytes of such a filter in its files, [`header`] reads its parameters, [`import`] makes an index of
//! it; [`filter`] answers, with the hash in [`murmur`]. An n-gram x sets the bits (a + i*b) mod m for i below the number
//! of hashes, where a = MurmurHash64A(x, [`murmur::SEED`]) and b = MurmurHash64A(x, a), x as UTF-8 (RedisBloom's public
//! source).

pub mod dump;
pub mod filter;
pub mod header;
pub mod import;
pub mod murmur;
