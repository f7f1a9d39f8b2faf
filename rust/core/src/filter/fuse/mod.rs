//! Binary fuse filter of n-gram hashes (Graf and Lemire 2022, arXiv 2201.01174): static, 16-bit fingerprints.
//!
//! A key's fingerprint is the exclusive or of three slots, which lie in three segments in a row. The slots are found once,
//! when all keys are known, and nothing can be added afterwards; for that a key takes 18 bits, and a key that is not in the
//! filter is taken for one that is with a chance of 2^-16, where a Bloom filter of that size errs thirty times as often.
//!
//! The filter is cut by the hash into [`Partition`]s of some million keys, each constructed by itself ([`construct`]), so that
//! memory is bounded and threads work side by side: [`collect`] takes the hashes of as many partitions as fit, and drops
//! those seen before. [`Fuse`] answers from two plain slices that a memory map can provide.

pub mod collect;
pub mod construct;
mod kernel;
mod partition;
mod view;

pub use partition::{Partition, partition_of};
pub use view::{FPR, Fuse, VERSION};
