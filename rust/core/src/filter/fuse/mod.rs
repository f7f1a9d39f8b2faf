//! Binary fuse filter of n-gram hashes (Graf and Lemire 2022, arXiv 2201.01174): static, 16-bit fingerprints.
//!
//! A key's fingerprint is the exclusive or of three slots, which are in three neighbouring segments. The slots are
//! computed once, when all keys are known, and no key can be added later. In return, a key takes 18 bits, and a key
//! that is not in the filter is reported with a probability of 2^-16; a Bloom filter of that size has a
//! false-positive rate about thirty times as high.
//!
//! The filter is cut by hash into [`Partition`]s of about a million keys. Each is constructed on its own
//! ([`construct`]), so that memory is bounded and threads work in parallel: [`collect`] takes the hashes of as many
//! partitions as fit and drops duplicates. [`Fuse`] answers from two plain slices, which a memory map can provide.

pub mod collect;
pub mod construct;
mod kernel;
mod partition;
mod view;

pub use partition::{Partition, partition_of};
pub use view::{FPR, Fuse, VERSION};
