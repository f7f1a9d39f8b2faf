//! Fills Bloom filters from the stored text of documents.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::filter::bloom::{self, Bloom, BloomBuilder, Stretches};
use crate::filter::sizing::Sizing;
use crate::filter_files::covered::{Covered, expect_passes};
use crate::memory::large_pages::LargePages;
use crate::progress::Gauge;
use crate::store::container::FileWriter;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::{FileEntry, FilterEntry};

/// A limit above the size of any filter, so that it is filled as a whole.
pub const WHOLE: usize = usize::MAX / 2;
/// Words of a filter that are written at a time.
const WRITE_CHUNK: usize = 1 << 20;
/// Number of times that a filter with too high a rate is built again, each time larger by `GROWTH`. Chance can spoil
/// a filter of a few blocks; a larger one meets its rate at once.
const ATTEMPTS: i32 = 16;
const GROWTH: f64 = 1.25;

/// The size of a filter to be built.
#[derive(Clone, Copy, Debug)]
pub struct FilterSize {
    pub distinct_ngrams: u64,
    pub bits_per_ngram: f64,
    pub words: usize,
    /// Upper limit of its false-positive rate.
    pub max_fpr: f64,
}

impl FilterSize {
    /// Returns the size of a filter that is the only one of its index.
    pub fn alone(sizing: Sizing, distinct_ngrams: u64) -> Self {
        // Filters with the same expected n-grams have the same size, whatever rate chance gives them.
        let (room, max_fpr) = match sizing.expected_ngrams {
            Some(expected) if fits(distinct_ngrams, expected) => (expected, 1.0),
            _ => (distinct_ngrams, sizing.max_fpr),
        };
        Self {
            distinct_ngrams,
            bits_per_ngram: sizing.bits_per_ngram,
            words: bloom::words_for(room, sizing.bits_per_ngram),
            max_fpr,
        }
    }

    fn larger(self, attempt: i32) -> Self {
        let words = self.words as f64 * GROWTH.powi(attempt);
        let blocks = (words / bloom::BLOCK_WORDS as f64).ceil() as usize;
        Self {
            words: blocks * bloom::BLOCK_WORDS,
            ..self
        }
    }
}

/// Whether there is room for an estimated number of n-grams, which is off by about 0.2%.
pub fn fits(distinct_ngrams: u64, expected: u64) -> bool {
    distinct_ngrams as f64 <= expected as f64 * 1.01
}

/// Fills a filter with the n-grams of `covered` and writes it.
///
/// A filter of more than `most_words` words is filled and written in parts, with one pass over the text for each.
pub fn build_filter(
    covered: &[Covered],
    path: PathBuf,
    size: FilterSize,
    parameters: Parameters,
    most_words: usize,
    gauge: &Gauge,
) -> Result<FilterEntry> {
    for attempt in 0.. {
        let size = size.larger(attempt);
        let mut output = FilterWriter::create(path.clone(), parameters)?;
        let part_words = most_words.next_multiple_of(bloom::BLOCK_WORDS);
        let passes = size.words.div_ceil(part_words) as u64;
        expect_passes(covered, passes, parameters, gauge)?;
        for first in (0..size.words).step_by(part_words) {
            let mut words = zeros(part_words.min(size.words - first))?;
            let builder = BloomBuilder::part(&mut words, first, size.words).expect("whole blocks");
            for part in covered {
                part.hash(parameters, gauge, || {
                    let mut inserter = builder.inserter();
                    move |hashes: &[u64]| inserter.insert(hashes)
                })?;
            }
            drop(builder);
            words.into_chunks(|chunk| output.write(chunk, gauge))?;
        }
        if output.fpr() <= size.max_fpr || attempt == ATTEMPTS {
            let documents = covered.iter().map(|part| part.documents.len() as u64);
            return output.finish(documents.sum(), size);
        }
    }
    unreachable!("the last attempt counts")
}

/// Allocates the words of a filter.
pub(super) fn zeros(words: usize) -> Result<LargePages<u64>> {
    LargePages::try_zeros(words).map_err(|_| {
        let gigabytes = words as f64 * 8e-9;
        Error::Usage(format!(
            "no memory for a filter of {gigabytes:.0} GB: give a memory limit, or expect fewer n-grams"
        ))
    })
}

/// Writes a filter part by part and measures it.
struct FilterWriter {
    file: FileWriter,
    words: usize,
    /// Sums of each part's fill and false-positive rate, times its words.
    fill: f64,
    fpr: f64,
}

impl FilterWriter {
    fn create(path: PathBuf, parameters: Parameters) -> Result<Self> {
        let mut file = FileWriter::create(path, Kind::Bloom, parameters)?;
        file.begin_section()?;
        Ok(Self {
            file,
            words: 0,
            fill: 0.0,
            fpr: 0.0,
        })
    }

    /// Appends whole blocks.
    fn write(&mut self, words: &[u64], gauge: &Gauge) -> Result<()> {
        gauge.check()?;
        self.file.write(bytemuck::cast_slice(words))?;
        let part = Bloom::new(words).expect("whole blocks").measure();
        self.words += words.len();
        self.fill += part.fill * words.len() as f64;
        self.fpr += part.fpr * words.len() as f64;
        Ok(())
    }

    fn fpr(&self) -> f64 {
        self.fpr / self.words as f64
    }

    fn finish(self, documents: u64, size: FilterSize) -> Result<FilterEntry> {
        Ok(FilterEntry {
            documents,
            distinct_ngrams: size.distinct_ngrams,
            bits_per_ngram: size.bits_per_ngram,
            fill: self.fill / self.words as f64,
            fpr: self.fpr(),
            file: FileEntry::of(&self.file.finish()?)?,
        })
    }
}

/// Writes a filter that is already filled.
pub fn write_filter(
    words: &[u64],
    documents: u64,
    size: FilterSize,
    path: PathBuf,
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<FilterEntry> {
    let mut output = FilterWriter::create(path, parameters)?;
    for chunk in words.chunks(WRITE_CHUNK) {
        output.write(chunk, gauge)?;
    }
    output.finish(documents, size)
}

/// Writes a filter whose stretches are in `files`, in order. `size` gives its size for its fill and its words.
pub fn join_stretches(
    files: &[PathBuf],
    stretches: Stretches,
    documents: u64,
    size: impl FnOnce(f64, usize) -> FilterSize,
    path: PathBuf,
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<FilterEntry> {
    if files.len() != stretches.count() {
        return Err(Error::Usage(format!(
            "{} files for {} stretches of a filter",
            files.len(),
            stretches.count()
        )));
    }
    let mut output = FilterWriter::create(path, parameters)?;
    for (stretch, file) in files.iter().enumerate() {
        let expected = stretches.words(stretch).len();
        let mut input = File::open(file).map_err(Error::io("open", file))?;
        let found = input.metadata().map_err(Error::io("read", file))?.len();
        if found != (expected * size_of::<u64>()) as u64 {
            return Err(Error::Length {
                path: file.clone(),
                found,
                expected: (expected * size_of::<u64>()) as u64,
            });
        }
        for first in (0..expected).step_by(WRITE_CHUNK) {
            let mut words = vec![0u64; WRITE_CHUNK.min(expected - first)];
            input
                .read_exact(bytemuck::cast_slice_mut(&mut words))
                .map_err(Error::io("read", file))?;
            output.write(&words, gauge)?;
        }
    }
    let size = size(output.fill / output.words as f64, output.words);
    output.finish(documents, size)
}
