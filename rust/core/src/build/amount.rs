//! The amount of text that an index is to be made of, counted in all documents or in a sample of them.

use super::places::Document;
use super::prepared::Prepared;
use crate::filter::cardinality::DistinctCounter;
use crate::store::documents::Record;
use crate::store::header::Parameters;
use crate::store::manifest::Counts;
use crate::suffix::array::SEPARATOR;
use crate::text::anchors::Anchors;
use crate::text::ngram::NgramHasher;

/// What the sizes of an index follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub documents: u64,
    /// Of normalised text.
    pub characters: u64,
    /// Of normalised UTF-8, without separators.
    pub bytes: u64,
    pub distinct_ngrams: u64,
    /// Of sources, ids, metadata and the edits that lead back to the original text.
    pub record_bytes: u64,
    /// Suffixes that a lean index sorts.
    pub anchors: u64,
    /// Different bytes in the text, the separator included.
    pub distinct_bytes: usize,
}

/// Bytes of text per document, and of source and id, in the corpus of docs/benchmarks.md: its table `sizes` has 0.012
/// bytes of documents per byte of text.
const DOCUMENT_BYTES: u64 = 7_200;
const NAME_BYTES: u64 = 30;
/// Different bytes in that corpus; its jump table takes 0.019 bytes per byte of text.
const DISTINCT_BYTES: usize = 97;

impl Amount {
    /// Returns an amount of ASCII text in documents like those of docs/benchmarks.md.
    pub fn of_ascii(characters: u64, distinct_ngrams: u64, n: usize) -> Self {
        let documents = characters.div_ceil(DOCUMENT_BYTES);
        Self {
            documents,
            characters,
            bytes: characters,
            distinct_ngrams,
            record_bytes: documents * NAME_BYTES,
            anchors: (characters as f64 * Anchors::new(n).density()) as u64,
            distinct_bytes: DISTINCT_BYTES,
        }
    }
}

/// Counts documents. They come in parts, of which each stands for a part of the corpus.
pub struct Sampler {
    parameters: Parameters,
    keeps_text: bool,
    hasher: NgramHasher,
    anchors: Anchors,
    /// The part that is being read.
    part: Tally,
    /// The parts before it, each as large as what it stands for.
    corpus: Tally,
    sampled_ngrams: f64,
    /// The n-grams of every other document: how many of them the two halves share says how the number grows.
    distinct: [DistinctCounter; 2],
    documents: usize,
    occurs: [bool; 256],
}

#[derive(Clone, Copy, Default)]
struct Tally {
    documents: f64,
    characters: f64,
    bytes: f64,
    ngrams: f64,
    record_bytes: f64,
    anchors: f64,
}

impl Tally {
    fn plus(self, other: Self, scale: f64) -> Self {
        Self {
            documents: self.documents + other.documents * scale,
            characters: self.characters + other.characters * scale,
            bytes: self.bytes + other.bytes * scale,
            ngrams: self.ngrams + other.ngrams * scale,
            record_bytes: self.record_bytes + other.record_bytes * scale,
            anchors: self.anchors + other.anchors * scale,
        }
    }
}

impl Sampler {
    /// Counts for an index that keeps the texts or not.
    pub fn new(parameters: Parameters, keeps_text: bool) -> Self {
        let mut occurs = [false; 256];
        occurs[usize::from(SEPARATOR)] = true;
        Self {
            parameters,
            keeps_text,
            hasher: NgramHasher::new(parameters.n),
            anchors: Anchors::new(parameters.n),
            part: Tally::default(),
            corpus: Tally::default(),
            sampled_ngrams: 0.0,
            distinct: [DistinctCounter::new(), DistinctCounter::new()],
            documents: 0,
            occurs,
        }
    }

    pub fn add(&mut self, document: Document) {
        let Prepared {
            document,
            edits,
            characters,
            ..
        } = Prepared::new(document, self.parameters.normalization, self.keeps_text);
        let Document {
            source,
            id,
            text,
            metadata,
            ..
        } = &document;
        let edits = &edits;
        let record = Record {
            source,
            id,
            metadata,
            edits,
        };
        let counts = Counts::of_document(characters, text.len(), self.parameters.n);
        let document = Tally {
            documents: 1.0,
            characters: characters as f64,
            bytes: text.len() as f64,
            ngrams: counts.ngrams as f64,
            record_bytes: record.bytes(self.parameters.normalization.folds()) as f64,
            anchors: self.anchors_of(text) as f64,
        };
        self.part = self.part.plus(document, 1.0);
        let counter = &mut self.distinct[self.documents % 2];
        self.hasher
            .for_each_chunk(text, |hashes| counter.insert(hashes));
        self.documents += 1;
        for &byte in text.as_bytes() {
            self.occurs[usize::from(byte)] = true;
        }
    }

    fn anchors_of(&self, text: &str) -> usize {
        let (mut count, mut next) = (0, 0);
        self.anchors.for_each(text, |anchor| {
            if anchor >= next {
                count += 1;
                next = anchor + 1;
            }
        });
        count
    }

    /// Ends a part of the sample, which stands for `scale` times as much text as it has.
    pub fn end_part(&mut self, scale: f64) {
        self.sampled_ngrams += self.part.ngrams;
        self.corpus = self.corpus.plus(std::mem::take(&mut self.part), scale);
    }

    /// Returns the amount of text that all parts stand for.
    pub fn amount(&self) -> Amount {
        let corpus = self.corpus;
        Amount {
            documents: corpus.documents.round() as u64,
            characters: corpus.characters.round() as u64,
            bytes: corpus.bytes.round() as u64,
            distinct_ngrams: self.distinct_ngrams(),
            record_bytes: corpus.record_bytes.round() as u64,
            anchors: corpus.anchors.round() as u64,
            distinct_bytes: self.occurs.iter().filter(|&&occurs| occurs).count(),
        }
    }

    /// Extrapolates the number of distinct n-grams as a power of the number of n-grams (Heaps' law). The exponent is
    /// that by which the number grows from half of the sample to all of it.
    fn distinct_ngrams(&self) -> u64 {
        let [even, odd] = &self.distinct;
        let mut both = even.clone();
        both.merge(odd);
        let sampled = both.estimate_among(self.sampled_ngrams as u64) as f64;
        let half = (even.estimate() + odd.estimate()) as f64 / 2.0;
        let growth = self.corpus.ngrams / self.sampled_ngrams;
        if !growth.is_finite() || growth <= 1.0 || half == 0.0 {
            return sampled as u64;
        }
        let exponent = (sampled / half).log2().clamp(0.0, 1.0);
        (sampled * growth.powf(exponent)).min(self.corpus.ngrams) as u64
    }
}
