//! Builds the file of a filter from the stored text of documents.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::error::Result;
use crate::filter::fuse::collect::{Collector, ROOM, make_distinct};
use crate::filter::fuse::construct::{BYTES_PER_KEY, construct};
use crate::filter::fuse::{FPR, Partition};
use crate::filter_files::covered::{Covered, expect_passes};
use crate::progress::Gauge;
use crate::store::container::{FileWriter, file_bytes};
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::{FileEntry, FuseFilterEntry};

/// Maximal number of distinct keys per partition. Half as many is the least that the partitions of a large filter
/// have, and then a key takes hardly more bits.
const PARTITION_KEYS: u64 = 1_500_000;
/// Memory for collected hashes if there is no limit. More would only save passes over the text, which are quick
/// compared with sorting and construction.
pub const DEFAULT_BYTES: u64 = 1 << 30;

/// How a filter is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusePlan {
    /// Partitions of the filter. They determine the bytes of the file, and depend on the n-grams and their number,
    /// not on threads or memory.
    partitions: usize,
    /// Distinct keys expected per partition.
    expected: usize,
    /// Partitions whose hashes are collected in one pass over the text.
    collected: usize,
    /// Partitions that are constructed at a time.
    constructed: usize,
}

impl FusePlan {
    /// Plans a filter of about `distinct_ngrams` that `threads` threads build within `bytes` of memory.
    pub fn new(distinct_ngrams: u64, bytes: u64, threads: usize) -> Self {
        let partitions = distinct_ngrams.div_ceil(PARTITION_KEYS);
        let expected = distinct_ngrams.div_ceil(partitions.max(1)).max(1);
        let construction = expected * BYTES_PER_KEY as u64;
        let constructed = (bytes / 2 / construction).clamp(1, threads.max(1) as u64);
        let rest = bytes.saturating_sub(constructed * construction);
        let collected = rest / (expected * (ROOM * size_of::<u64>()) as u64);
        Self {
            partitions: partitions as usize,
            expected: expected as usize,
            collected: collected.clamp(1, partitions.max(1)) as usize,
            constructed: constructed as usize,
        }
    }

    /// Returns the number of passes over the text.
    pub fn passes(&self) -> u64 {
        self.partitions.div_ceil(self.collected) as u64
    }

    /// Returns the bytes of the file, if every partition is constructed with its first size.
    pub fn file_bytes(&self) -> u64 {
        let partition = Partition::sized(self.expected, 0, 1.0);
        let (partitions, slots) = (self.partitions as u64, partition.slots().unwrap_or(0));
        let fingerprints = partitions * slots * size_of::<u16>() as u64;
        file_bytes(&[fingerprints, partitions * size_of::<Partition>() as u64])
    }

    /// Returns the bytes of memory that are held at a time, if the text has `ngrams`, duplicates included.
    pub fn memory(&self, ngrams: u64) -> u64 {
        let hashes = (self.expected * ROOM).min(ngrams as usize / self.partitions.max(1));
        let constructed = self.constructed.min(self.partitions) * BYTES_PER_KEY * self.expected;
        (self.collected * hashes * size_of::<u64>() + constructed) as u64
    }
}

/// Builds a filter of the n-grams of `covered` and writes it.
pub fn build_fuse(
    covered: &[Covered],
    path: PathBuf,
    plan: FusePlan,
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<FuseFilterEntry> {
    expect_passes(covered, plan.passes(), parameters, gauge)?;
    let mut file = FileWriter::create(path, Kind::Fuse, parameters)?;
    file.begin_section()?;
    let mut directory: Vec<Partition> = Vec::with_capacity(plan.partitions);
    let mut slots = 0;
    for first in (0..plan.partitions).step_by(plan.collected) {
        let range = first..plan.partitions.min(first + plan.collected);
        let collector = Collector::new(range, plan.partitions, plan.expected)?;
        for part in covered {
            part.hash(parameters, gauge, || {
                let mut inserter = collector.inserter();
                move |hashes: &[u64]| inserter.insert(hashes)
            })?;
        }
        let mut lots = collector.into_lots();
        for lots in lots.chunks_mut(plan.constructed) {
            let constructed = lots.par_iter_mut().map(|lot| {
                gauge.check()?;
                let mut keys = std::mem::take(lot);
                make_distinct(&mut keys);
                construct(&keys, plan.partitions, || gauge.check())
            });
            for (partition, fingerprints) in constructed.collect::<Result<Vec<_>>>()? {
                file.write(bytemuck::cast_slice(&fingerprints))?;
                directory.push(Partition {
                    offset: slots,
                    ..partition
                });
                slots += fingerprints.len() as u64;
            }
        }
    }
    file.begin_section()?;
    file.write(bytemuck::cast_slice(&directory))?;
    let file = FileEntry::of(&file.finish()?)?;
    let distinct_ngrams = directory.iter().map(|partition| partition.keys).sum();
    Ok(FuseFilterEntry {
        distinct_ngrams,
        partitions: directory.len() as u64,
        fpr: if directory.is_empty() { 0.0 } else { FPR },
        file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_at_a_time_stays_within_the_memory() {
        // The smallest value is what the lowest memory limit leaves.
        for bytes in [53 << 20, 200 << 20, DEFAULT_BYTES, 100 << 30] {
            for threads in [1, 2, 64] {
                for ngrams in [1, 1_000, 1_500_000, 2_900_000, 1_000_000_000] {
                    let plan = FusePlan::new(ngrams, bytes, threads);
                    let held = plan.memory(u64::MAX);
                    assert!(held <= bytes, "{plan:?}: {held} of {bytes}");
                    assert!(plan.partitions * plan.expected >= ngrams as usize);
                    assert!(plan.constructed <= threads);
                }
            }
        }
        assert_eq!(FusePlan::new(2_900_000, 53 << 20, 1).passes(), 2);
        assert_eq!(FusePlan::new(0, 53 << 20, 1).passes(), 0);
    }
}
