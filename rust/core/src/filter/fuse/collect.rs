//! The distinct hashes of a few partitions, collected by several threads in bounded memory.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::partition::partition_of;
use crate::error::{Error, Result};

/// Hashes a thread keeps for a partition before it takes its lock.
const PENDING: usize = 1024;
/// Room for hashes, distinct or not, in terms of the distinct ones that are expected: when it is full, those seen before are
/// dropped, which pays the more seldom it is done.
pub const ROOM: usize = 2;

/// Hashes of a run of partitions. Give each thread its own [`Collector::inserter`].
pub struct Collector {
    lots: Vec<Mutex<Lot>>,
    first: usize,
    partitions: usize,
}

struct Lot {
    hashes: Vec<u64>,
    room: usize,
}

impl Collector {
    /// Collects the hashes of `range` out of `partitions`, each with about `expected` distinct ones.
    pub fn new(range: Range<usize>, partitions: usize, expected: usize) -> Result<Self> {
        let room = expected * ROOM + PENDING;
        let lot = |_| {
            let mut hashes = Vec::new();
            match hashes.try_reserve_exact(room) {
                Ok(()) => Ok(Mutex::new(Lot { hashes, room })),
                Err(_) => Err(Error::Usage(
                    "no memory for the n-grams of a fuse filter; give a smaller memory limit"
                        .to_owned(),
                )),
            }
        };
        Ok(Self {
            first: range.start,
            lots: range.map(lot).collect::<Result<_>>()?,
            partitions,
        })
    }

    /// One thread's way in.
    pub fn inserter(&self) -> Inserter<'_> {
        Inserter {
            collector: self,
            pending: vec![Vec::with_capacity(PENDING); self.lots.len()],
        }
    }

    /// What was collected of each partition, in any order and with some hashes more than once.
    pub fn into_lots(self) -> Vec<Vec<u64>> {
        let hashes = |lot: Mutex<Lot>| {
            lot.into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .hashes
        };
        self.lots.into_iter().map(hashes).collect()
    }
}

/// Sorts hashes and drops those that are there twice.
pub fn make_distinct(hashes: &mut Vec<u64>) {
    hashes.sort_unstable();
    hashes.dedup();
}

impl Lot {
    fn extend(&mut self, pending: &[u64]) {
        if self.hashes.len() + pending.len() > self.room {
            make_distinct(&mut self.hashes);
            // There are more distinct ones than expected; otherwise a half is free again.
            if self.hashes.len() > self.room / 4 * 3 {
                self.room += self.room / 2;
                self.hashes.reserve_exact(self.room - self.hashes.len());
            }
        }
        self.hashes.extend_from_slice(pending);
    }
}

/// Sorts one thread's hashes by partition. Those that are still pending are handed on when it is dropped.
pub struct Inserter<'c> {
    collector: &'c Collector,
    pending: Vec<Vec<u64>>,
}

impl Inserter<'_> {
    /// Takes those of `hashes` that belong to the collector's partitions.
    pub fn insert(&mut self, hashes: &[u64]) {
        let Collector {
            first, partitions, ..
        } = *self.collector;
        for &hash in hashes {
            // Those of the partitions before wrap around, behind all that are collected.
            let number = partition_of(hash, partitions).0.wrapping_sub(first);
            let Some(pending) = self.pending.get_mut(number) else {
                continue;
            };
            pending.push(hash);
            if pending.len() == PENDING {
                self.flush(number);
            }
        }
    }

    fn flush(&mut self, number: usize) {
        let lot = self.collector.lots[number].lock();
        lot.unwrap_or_else(PoisonError::into_inner)
            .extend(&self.pending[number]);
        self.pending[number].clear();
    }
}

impl Drop for Inserter<'_> {
    fn drop(&mut self) {
        for number in 0..self.pending.len() {
            self.flush(number);
        }
    }
}
