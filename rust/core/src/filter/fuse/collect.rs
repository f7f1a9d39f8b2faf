//! Collects the distinct hashes of a few partitions, from several threads, in bounded memory.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::partition::partition_of;
use crate::error::{Error, Result};

/// Hashes that a thread keeps per partition before it takes the partition's lock.
const PENDING: usize = 1024;
/// Room for hashes, duplicates included, as a multiple of the expected distinct ones. When it is full, duplicates are
/// dropped; more room makes that step rarer.
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
    /// Collects the hashes of the partitions `range` out of `partitions`, each with about `expected` distinct ones.
    pub fn new(range: Range<usize>, partitions: usize, expected: usize) -> Result<Self> {
        let room = expected * ROOM + PENDING;
        let lot = |_| {
            let mut hashes = Vec::new();
            match hashes.try_reserve_exact(room) {
                Ok(()) => Ok(Mutex::new(Lot { hashes, room })),
                Err(_) => Err(Error::Usage(
                    "not enough memory for the n-grams of a fuse filter; set a lower memory limit"
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

    /// Returns an inserter for one thread.
    pub fn inserter(&self) -> Inserter<'_> {
        Inserter {
            collector: self,
            pending: vec![Vec::with_capacity(PENDING); self.lots.len()],
        }
    }

    /// Returns the hashes collected for each partition, in any order and possibly with duplicates.
    pub fn into_lots(self) -> Vec<Vec<u64>> {
        let hashes = |lot: Mutex<Lot>| {
            lot.into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .hashes
        };
        self.lots.into_iter().map(hashes).collect()
    }
}

/// Sorts hashes and drops duplicates.
pub fn make_distinct(hashes: &mut Vec<u64>) {
    hashes.sort_unstable();
    hashes.dedup();
}

impl Lot {
    fn extend(&mut self, pending: &[u64]) {
        if self.hashes.len() + pending.len() > self.room {
            make_distinct(&mut self.hashes);
            // If it is still mostly full, there are more distinct hashes than expected.
            if self.hashes.len() > self.room / 4 * 3 {
                self.room += self.room / 2;
                self.hashes.reserve_exact(self.room - self.hashes.len());
            }
        }
        self.hashes.extend_from_slice(pending);
    }
}

/// Sorts the hashes of one thread by partition. Pending hashes are handed on when it is dropped.
pub struct Inserter<'c> {
    collector: &'c Collector,
    pending: Vec<Vec<u64>>,
}

impl Inserter<'_> {
    /// Takes the hashes that belong to the collector's partitions.
    pub fn insert(&mut self, hashes: &[u64]) {
        let Collector {
            first, partitions, ..
        } = *self.collector;
        for &hash in hashes {
            // Hashes of earlier partitions wrap around to numbers beyond all that are collected.
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
