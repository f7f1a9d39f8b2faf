//! RedisBloom's filter: an n-gram x sets the bits (a + i*b) mod m for each i below the number of hashes. Here a =
//! MurmurHash64A(x, [`murmur::SEED`]) and b = MurmurHash64A(x, a), with x as UTF-8 (RedisBloom's public source).

pub mod murmur;
pub mod probes;
