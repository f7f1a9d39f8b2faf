//! The n-gram hashes of documents in a file, by the stretch of a filter that they go into.
//!
//! The file has runs of hashes, each of one stretch, in any order. Then comes a table with the place of the first hash
//! and the number of hashes of each run, by stretch; then, for each stretch and for the end, the number of its first
//! run. All numbers are little-endian and have 64 bits.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::filter::bloom::Stretches;
use crate::filter_files::covered::{Covered, expect_passes};
use crate::progress::Gauge;
use crate::store::header::Parameters;

/// Hashes of a full run: 64 KiB, which a file system reads in one go.
const RUN: usize = 1 << 13;

/// Writes the hashes of all n-grams of `covered`.
pub fn write_hashes(
    covered: &[Covered],
    path: &Path,
    stretches: Stretches,
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<()> {
    expect_passes(covered, 1, parameters, gauge)?;
    let output = Mutex::new(Output::create(path)?);
    for part in covered {
        part.hash(parameters, gauge, || {
            let mut sorter = Sorter::new(&output, stretches);
            move |hashes: &[u64]| sorter.push(hashes)
        })?;
    }
    let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
    output.finish(stretches)
}

/// Passes the hashes of one stretch to `sink`.
pub fn read_hashes(
    path: &Path,
    stretches: Stretches,
    stretch: usize,
    mut sink: impl FnMut(&[u64]),
) -> Result<()> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let short = || Error::damaged(path, "the file of hashes is too short");
    let word = size_of::<u64>() as u64;
    let starts_at = size
        .checked_sub((stretches.count() as u64 + 1) * word)
        .ok_or_else(short)?;
    let runs = read(&mut file, path, starts_at + stretch as u64 * word, 2)?;
    let [all] = read(&mut file, path, size - word, 1)?[..] else {
        unreachable!("one number was read")
    };
    let table = all
        .checked_mul(2 * word)
        .and_then(|bytes| starts_at.checked_sub(bytes))
        .ok_or_else(short)?;
    if runs[0] > runs[1] || runs[1] > all {
        return Err(short());
    }
    let count = (runs[1] - runs[0]) as usize;
    let places = read(&mut file, path, table + runs[0] * 2 * word, 2 * count)?;
    for place in places.chunks_exact(2) {
        if place[1] > RUN as u64 {
            return Err(short());
        }
        sink(&read(&mut file, path, place[0], place[1] as usize)?);
    }
    Ok(())
}

fn read(file: &mut File, path: &Path, start: u64, count: usize) -> Result<Vec<u64>> {
    let mut numbers = vec![0u64; count];
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.read_exact(bytemuck::cast_slice_mut(&mut numbers)))
        .map_err(Error::io("read", path))?;
    Ok(numbers)
}

/// A run of hashes in the file.
struct Run {
    stretch: usize,
    start: u64,
    length: u64,
}

struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    runs: Vec<Run>,
    /// The first failure. Whoever passes hashes on cannot return it.
    failure: Option<Error>,
}

impl Output {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path).map_err(Error::io("create", path))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            bytes: 0,
            runs: Vec::new(),
            failure: None,
        })
    }

    fn write(&mut self, stretch: usize, hashes: &[u64]) {
        if self.failure.is_some() {
            return;
        }
        match self.file.write_all(bytemuck::cast_slice(hashes)) {
            Ok(()) => self.runs.push(Run {
                stretch,
                start: self.bytes,
                length: hashes.len() as u64,
            }),
            Err(error) => self.failure = Some(Error::io("write", &self.path)(error)),
        }
        self.bytes += size_of_val(hashes) as u64;
    }

    /// Writes the table.
    fn finish(mut self, stretches: Stretches) -> Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.runs.sort_by_key(|run| run.stretch);
        let places = self.runs.iter().flat_map(|run| [run.start, run.length]);
        let starts = (0..=stretches.count())
            .map(|stretch| self.runs.partition_point(|run| run.stretch < stretch) as u64);
        let numbers: Vec<u64> = places.chain(starts).collect();
        self.file
            .write_all(bytemuck::cast_slice(&numbers))
            .and_then(|()| self.file.flush())
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(Error::io("write", &self.path))
    }
}

/// Collects the hashes of one thread by stretch. Those that are left are written when it is dropped.
struct Sorter<'a> {
    output: &'a Mutex<Output>,
    stretches: Stretches,
    pending: Vec<Vec<u64>>,
}

impl<'a> Sorter<'a> {
    fn new(output: &'a Mutex<Output>, stretches: Stretches) -> Self {
        Self {
            output,
            stretches,
            pending: vec![Vec::new(); stretches.count()],
        }
    }

    fn push(&mut self, hashes: &[u64]) {
        for &hash in hashes {
            let stretch = self.stretches.of(hash);
            let pending = &mut self.pending[stretch];
            pending.push(hash);
            if pending.len() == RUN {
                self.flush(stretch);
            }
        }
    }

    fn flush(&mut self, stretch: usize) {
        let pending = &mut self.pending[stretch];
        if !pending.is_empty() {
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            output.write(stretch, pending);
            pending.clear();
        }
    }
}

impl Drop for Sorter<'_> {
    fn drop(&mut self) {
        for stretch in 0..self.pending.len() {
            self.flush(stretch);
        }
    }
}
