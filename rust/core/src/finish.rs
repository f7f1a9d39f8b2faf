//! The second half of a build: from the stored text to filter, suffix arrays and manifest.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::file::Parameters;
use crate::fill::{Covered, FilterSize, build_filter, fits};
use crate::fuse::{self, build::FusePlan};
use crate::manifest::{
    Counts, FileEntry, FilterEntry, FuseFilterEntry, Manifest, RecordKeys, SegmentEntry,
};
use crate::segment::{self, SegmentText, WrittenSegment};
use crate::sizing::Sizing;
use crate::text_index::Suffixes;

/// How often the caller hears of the work, and may stop it.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// How long a stopped build waits for its threads; a suffix sort cannot be interrupted.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// How far a build has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of text done, each as often as it is gone through.
    pub done: u64,
    /// What is known to come; 0 where nothing is yet.
    pub total: u64,
}

pub struct Plan {
    pub directory: PathBuf,
    pub parameters: Parameters,
    pub segments: Vec<WrittenSegment>,
    pub counts: Counts,
    pub distinct_ngrams: Option<u64>,
    pub record_keys: RecordKeys,
    pub sizing: Option<Sizing>,
    pub fuse: Option<FusePlan>,
    pub suffixes: Option<Suffixes>,
    /// Words of the filter to hold in memory at a time.
    pub filter_words: usize,
}

impl Plan {
    fn covered(&self) -> Vec<Covered> {
        self.segments.iter().map(Covered::whole).collect()
    }

    fn structures(&self) -> Vec<&'static str> {
        let bloom = self.sizing.map(|_| "bloom");
        let fuse = self.fuse.map(|_| "fuse");
        let suffixes = self.suffixes.map(Suffixes::name);
        bloom.into_iter().chain(fuse).chain(suffixes).collect()
    }
}

/// What a worker has done and has still to do, and whether it is to stop.
#[derive(Default)]
pub struct Gauge {
    done: AtomicU64,
    expected: AtomicU64,
    stopped: AtomicBool,
}

impl Gauge {
    /// Announce bytes of text to go through, as often as they are gone through: before the first of them, so that what is
    /// shown of the whole work does not begin anew with each pass.
    pub fn expect(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn progress(&self) -> Progress {
        let done = self.done.load(Ordering::Relaxed);
        let total = self.expected.load(Ordering::Relaxed);
        Progress {
            done: done.min(total),
            total,
        }
    }

    pub fn check(&self) -> Result<()> {
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

/// Carry out `plan` on the threads of `pool`, while this thread reports and can stop it.
pub fn run(
    plan: Plan,
    pool: ThreadPool,
    progress: impl FnMut(Progress) -> Result<()>,
) -> Result<Manifest> {
    supervise(pool, progress, move |gauge| build(&plan, gauge))
}

/// Do `work` on the threads of `pool`, while this thread reports and can stop it.
///
/// The work has a thread of its own that nobody waits for after a stop: in the middle of a suffix
/// sort it ends seconds later, writes nothing more, and is forgotten.
pub fn supervise<T: Send + 'static>(
    pool: ThreadPool,
    mut progress: impl FnMut(Progress) -> Result<()>,
    work: impl FnOnce(&Gauge) -> Result<T> + Send + 'static,
) -> Result<T> {
    let gauge = Arc::new(Gauge::default());
    let (sender, receiver) = mpsc::channel();
    let worker = Arc::clone(&gauge);
    let thread = thread::spawn(move || {
        let result = pool.install(|| work(&worker));
        // Nobody listens after a stop.
        let _ = sender.send(result);
    });
    loop {
        if let Err(error) = progress(gauge.progress()) {
            gauge.stopped.store(true, Ordering::Relaxed);
            let _ = receiver.recv_timeout(STOP_PATIENCE);
            return Err(error);
        }
        match receiver.recv_timeout(PROGRESS_INTERVAL) {
            Ok(result) => {
                let made = result?;
                progress(gauge.progress())?;
                return Ok(made);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match thread.join() {
        Err(panic) => std::panic::resume_unwind(panic),
        Ok(()) => unreachable!("the worker sends its result before it ends"),
    }
}

fn build(plan: &Plan, gauge: &Gauge) -> Result<Manifest> {
    if plan.suffixes.is_some() {
        expect_sorting(&plan.segments, gauge);
    }
    let (filters, suffixes) = rayon::join(
        || Ok((build_bloom(plan, gauge)?, build_fuse(plan, gauge)?)),
        || match plan.suffixes {
            Some(suffixes) => build_suffixes(
                &plan.segments,
                &plan.directory,
                plan.parameters,
                suffixes,
                gauge,
            ),
            None => Ok(Vec::new()),
        },
    );
    let ((bloom, fuse), suffixes) = (filters?, suffixes?);
    if plan.suffixes.is_none() {
        remove_spooled_text(plan)?;
    }
    let manifest = Manifest {
        structures: plan.structures().into_iter().map(str::to_owned).collect(),
        counts: plan.counts,
        segments: suffixes,
        filters: bloom.into_iter().collect(),
        fuse_filter: fuse,
        record_keys: plan.record_keys.clone(),
        sizing: plan.sizing,
        ..Manifest::new(plan.parameters)
    };
    gauge.check()?;
    manifest.write(&plan.directory)?;
    Ok(manifest)
}

fn build_bloom(plan: &Plan, gauge: &Gauge) -> Result<Option<FilterEntry>> {
    let (Some(sizing), Some(ngrams)) = (plan.sizing, plan.distinct_ngrams) else {
        return Ok(None);
    };
    check_expected(sizing, ngrams)?;
    let path = plan.directory.join("filter-00000.bloom");
    let size = FilterSize::alone(sizing, ngrams);
    let most = plan.filter_words;
    build_filter(&plan.covered(), path, size, plan.parameters, most, gauge).map(Some)
}

fn build_fuse(plan: &Plan, gauge: &Gauge) -> Result<Option<FuseFilterEntry>> {
    let Some(fuse) = plan.fuse else {
        return Ok(None);
    };
    let path = plan.directory.join("filter-00000.fuse");
    fuse::build::build_fuse(&plan.covered(), path, fuse, plan.parameters, gauge).map(Some)
}

/// Announce the work of `build_suffixes`.
pub fn expect_sorting(segments: &[WrittenSegment], gauge: &Gauge) {
    gauge.expect(segments.iter().map(|segment| segment.text_bytes).sum());
}

/// Sort the suffixes of segments whose text is written; the files appear in `directory`.
pub fn build_suffixes(
    segments: &[WrittenSegment],
    directory: &Path,
    parameters: Parameters,
    suffixes: Suffixes,
    gauge: &Gauge,
) -> Result<Vec<SegmentEntry>> {
    let build = |(number, written): (usize, &WrittenSegment)| -> Result<SegmentEntry> {
        gauge.check()?;
        let text = SegmentText::open(written.text.clone(), parameters)?;
        let path = segment::suffix_path(directory, number);
        let step = || gauge.check();
        let path = segment::write_suffixes(&text, path, parameters, suffixes, step)?;
        gauge.advance(written.text_bytes);
        Ok(SegmentEntry {
            documents: written.documents,
            text: FileEntry::of(&written.text)?,
            suffix: FileEntry::of(&path)?,
            records: FileEntry::of(&written.records)?,
        })
    };
    segments.par_iter().enumerate().map(build).collect()
}

/// Without a suffix index the text was only needed to fill the filter.
fn remove_spooled_text(plan: &Plan) -> Result<()> {
    for written in &plan.segments {
        for path in [&written.text, &written.records] {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
    }
    Ok(())
}

/// A filter with more n-grams than room was asked for would not keep to its rate.
fn check_expected(sizing: Sizing, distinct_ngrams: u64) -> Result<()> {
    match sizing.expected_ngrams {
        Some(expected) if !fits(distinct_ngrams, expected) => Err(Error::Usage(format!(
            "about {distinct_ngrams} distinct n-grams, but room for {expected}; give a larger \
                 --expected-ngrams"
        ))),
        _ => Ok(()),
    }
}
