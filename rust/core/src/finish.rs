//! The second half of a build: from the stored text to filter, suffix arrays and manifest.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bloom::{self, Bloom, BloomBuilder};
use crate::documents::Documents;
use crate::error::{Error, Result};
use crate::file::{FileWriter, Kind, Parameters};
use crate::manifest::{self, Counts, FileEntry, FilterEntry, Manifest, SegmentEntry};
use crate::ngram::NgramHasher;
use crate::segment::{self, SegmentText, WrittenSegment};
use crate::text_index::Suffixes;

/// How often the caller hears of the work, and may stop it.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// How long a stopped build waits for its threads; a suffix sort cannot be interrupted.
const STOP_PATIENCE: Duration = Duration::from_millis(500);
/// Text that a thread takes at a time when it fills the filter.
const FILTER_CHUNK: u64 = 1 << 20;

/// How far a build has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of text done, each counted once a structure.
    pub done: u64,
    pub total: u64,
}

pub struct Plan {
    pub directory: PathBuf,
    pub parameters: Parameters,
    pub segments: Vec<WrittenSegment>,
    pub counts: Counts,
    pub distinct_ngrams: Option<u64>,
    pub bits_per_ngram: Option<f64>,
    pub suffixes: Option<Suffixes>,
}

impl Plan {
    fn text_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.text_bytes).sum()
    }

    fn structures(&self) -> Vec<&'static str> {
        let bloom = self.bits_per_ngram.map(|_| "bloom");
        bloom
            .into_iter()
            .chain(self.suffixes.map(Suffixes::name))
            .collect()
    }
}

#[derive(Default)]
struct Gauge {
    done: AtomicU64,
    stopped: AtomicBool,
}

impl Gauge {
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn check(&self) -> Result<()> {
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

/// Carry out `plan` on the threads of `pool`, while this thread reports and can stop it.
///
/// The work has a thread of its own that nobody waits for after a stop: in the middle of a suffix
/// sort it ends seconds later, writes nothing more, and is forgotten.
pub fn run(
    plan: Plan,
    pool: ThreadPool,
    mut progress: impl FnMut(Progress) -> Result<()>,
) -> Result<Manifest> {
    let gauge = Arc::new(Gauge::default());
    let total = plan.text_bytes() * plan.structures().len() as u64;
    let (sender, receiver) = mpsc::channel();
    let worker = Arc::clone(&gauge);
    let thread = thread::spawn(move || {
        let result = pool.install(|| build(&plan, &worker));
        // Nobody listens after a stop.
        let _ = sender.send(result);
    });
    loop {
        let done = gauge.done.load(Ordering::Relaxed);
        if let Err(error) = progress(Progress { done, total }) {
            gauge.stopped.store(true, Ordering::Relaxed);
            let _ = receiver.recv_timeout(STOP_PATIENCE);
            return Err(error);
        }
        match receiver.recv_timeout(PROGRESS_INTERVAL) {
            Ok(result) => return result,
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
    let (filter, suffixes) = rayon::join(
        || match (plan.bits_per_ngram, plan.distinct_ngrams) {
            (Some(bits), Some(ngrams)) => build_filter(plan, bits, ngrams, gauge).map(Some),
            _ => Ok(None),
        },
        || match plan.suffixes {
            Some(suffixes) => build_suffixes(plan, suffixes, gauge),
            None => Ok(Vec::new()),
        },
    );
    let (filter, suffixes) = (filter?, suffixes?);
    if plan.suffixes.is_none() {
        remove_spooled_text(plan)?;
    }
    let manifest = Manifest {
        structures: plan.structures().into_iter().map(str::to_owned).collect(),
        counts: plan.counts,
        segments: suffixes,
        filters: filter.into_iter().collect(),
        ..Manifest::new(plan.parameters)
    };
    gauge.check()?;
    write_manifest(&plan.directory, &manifest)?;
    Ok(manifest)
}

fn build_suffixes(plan: &Plan, suffixes: Suffixes, gauge: &Gauge) -> Result<Vec<SegmentEntry>> {
    let build = |(number, written): (usize, &WrittenSegment)| -> Result<SegmentEntry> {
        gauge.check()?;
        let text = SegmentText::open(written.text.clone(), plan.parameters)?;
        let path = segment::suffix_path(&plan.directory, number);
        let step = || gauge.check();
        let path = segment::write_suffixes(&text, path, plan.parameters, suffixes, step)?;
        gauge.advance(written.text_bytes);
        Ok(SegmentEntry {
            documents: written.documents,
            text: FileEntry::of(&written.text)?,
            suffix: FileEntry::of(&path)?,
            records: FileEntry::of(&written.records)?,
        })
    };
    plan.segments.par_iter().enumerate().map(build).collect()
}

fn build_filter(plan: &Plan, bits: f64, ngrams: u64, gauge: &Gauge) -> Result<FilterEntry> {
    let mut words = vec![0; bloom::words_for(ngrams, bits)];
    for written in &plan.segments {
        fill_from(written, &mut words, plan, gauge)?;
    }
    let path = plan.directory.join("filter-00000.bloom");
    let mut file = FileWriter::create(path, Kind::Filter, plan.parameters)?;
    file.begin_section()?;
    for chunk in words.chunks(1 << 20) {
        gauge.check()?;
        file.write(bytemuck::cast_slice(chunk))?;
    }
    let path = file.finish()?;
    let filter = Bloom::new(&words).expect("words_for gives whole blocks");
    Ok(FilterEntry {
        distinct_ngrams: ngrams,
        bits_per_ngram: bits,
        fill: filter.fill(),
        fpr: filter.estimated_fpr(),
        file: FileEntry::of(&path)?,
    })
}

/// Put the n-grams of a segment into the filter: each thread takes the next run of documents.
fn fill_from(
    written: &WrittenSegment,
    words: &mut [u64],
    plan: &Plan,
    gauge: &Gauge,
) -> Result<()> {
    let text = SegmentText::open(written.text.clone(), plan.parameters)?;
    let records = written.records.clone();
    let documents = Documents::open(records, plan.parameters, written.documents)?;
    let runs = runs_of_documents(documents.starts());
    let builder = BloomBuilder::new(words).expect("words_for gives whole blocks");
    let hasher = NgramHasher::new(plan.parameters.n);
    let next = AtomicUsize::new(0);
    // One task a thread, not one a run: an inserter's buffers are worth keeping. A thread that is
    // busy with a suffix array leaves its task to the others.
    let fill = |_| {
        let mut inserter = builder.inserter();
        while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            gauge.check()?;
            for document in run.clone() {
                let text = text.document(&documents, document)?;
                hasher.for_each_chunk(text, |hashes| inserter.insert(hashes));
                gauge.advance(text.len() as u64 + 1);
            }
        }
        Ok(())
    };
    let tasks = 0..rayon::current_num_threads();
    tasks.into_par_iter().with_max_len(1).map(fill).collect()
}

/// Cut documents into runs of about `FILTER_CHUNK` bytes of text.
fn runs_of_documents(starts: &[u64]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for document in 1..=starts.len() {
        let full = starts
            .get(document)
            .is_none_or(|end| end - starts[first] >= FILTER_CHUNK);
        if full {
            runs.push(first..document);
            first = document;
        }
    }
    runs
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

pub fn write_manifest(directory: &Path, manifest: &Manifest) -> Result<()> {
    let path = directory.join(manifest::FILE_NAME);
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(manifest.to_json().as_bytes())?;
        file.sync_all()
    };
    write().map_err(Error::io("write", &path))
}
