//! Builds an index: documents are normalised and written to the disk as they arrive, and `finish` adds the
//! structures.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::ThreadPool;
use rayon::prelude::*;
use serde::de::IgnoredAny;

use super::budget::Budget;
use super::left_out::{ALL_BAD, BadRecord, BadRecords, Duplicates, LeftOut};
use super::options::{BuildOptions, WantedFilter};
use super::places::{Document, Numbering, Place, Places};
use super::prepared::Prepared;
use super::resources::resources;
use crate::error::Result;
use crate::filter::cardinality::DistinctCounter;
use crate::store::documents::{Documents, Record};
use crate::store::header::Parameters;
use crate::store::manifest::Counts;
use crate::store::output::OutputDirectory;
use crate::store::segment::{SegmentWriter, WrittenSegment};
use crate::suffix::array::MAX_TEXT;
use crate::text::ngram::NgramHasher;

/// A build that has read all its documents, from which an index can be made.
pub struct Spooled {
    pub directory: OutputDirectory,
    pub segments: Vec<WrittenSegment>,
    pub counts: Counts,
    /// How many records were left out for which reason.
    pub skipped_reasons: BTreeMap<String, u64>,
    /// Estimated number of distinct n-grams. It is 0 if no filter is wanted, since they are counted only for a
    /// filter.
    pub distinct_ngrams: u64,
    /// Whether texts are folded and have characters that are not in Unicode's tables.
    pub has_unknown: bool,
    pub pool: ThreadPool,
    pub budget: Budget,
}

pub struct Builder {
    // Declared before `directory`, so that open files are closed before their directory is removed.
    segment: Option<SegmentWriter>,
    directory: OutputDirectory,
    pub(super) options: BuildOptions,
    budget: Budget,
    pub(super) parameters: Parameters,
    pool: ThreadPool,
    written: Vec<WrittenSegment>,
    places: Places,
    left_out: LeftOut,
    counts: Counts,
    /// Metadata keys that no document has had so far.
    unseen_keys: Vec<String>,
    /// One per thread; empty without a filter.
    distinct: Vec<DistinctCounter>,
    /// Whether texts are folded and have characters that are not in Unicode's tables.
    has_unknown: bool,
}

impl Builder {
    pub fn create(output: &Path, options: BuildOptions) -> Result<Self> {
        options.check()?;
        let (pool, budget) =
            resources(options.threads, options.segment_bytes, options.memory_limit)?;
        let counters = match options.filter {
            WantedFilter::None => 0,
            WantedFilter::Bloom(_) | WantedFilter::Fuse => pool.current_num_threads(),
        };
        Ok(Self {
            segment: None,
            directory: OutputDirectory::create(output, options.overwrite)?,
            budget,
            parameters: Parameters {
                n: options.n,
                normalization: options.normalization,
            },
            unseen_keys: options.record_keys.metadata.clone(),
            options,
            written: Vec::new(),
            places: Places::default(),
            left_out: LeftOut::default(),
            counts: Counts::default(),
            distinct: vec![DistinctCounter::new(); counters],
            pool,
            has_unknown: false,
        })
    }

    /// Names the next input of documents. Returns the number of the input for the `Place` of its documents.
    pub fn input(&mut self, name: &str, numbering: Numbering) -> u32 {
        self.places.input(name, numbering)
    }

    /// Makes documents that are in the index at `path` an error.
    pub fn refuse(&mut self, path: PathBuf, documents: Vec<Documents>) {
        self.places.refuse(path, documents);
    }

    pub fn memory_limit(&self) -> Option<u64> {
        self.options.memory_limit
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the metadata keys that are in no document so far. A misspelt key leaves no other trace.
    pub fn unseen_keys(&self) -> &[String] {
        &self.unseen_keys
    }

    /// Returns the reasons for which records were left out so far, each with the count and the first place.
    pub fn left_out(&self) -> &[(String, u64, String)] {
        self.left_out.reasons()
    }

    /// Leaves out a record. It is an error if many records are bad and not one is good.
    pub fn skip(&mut self, place: String, bad: BadRecord) -> Result<()> {
        self.left_out.count(place, bad);
        self.counts.skipped_documents += 1;
        match self.counts.skipped_documents {
            ALL_BAD => self.check_any_is_good("first 1,000 records"),
            _ => Ok(()),
        }
    }

    fn check_any_is_good(&self, records: &str) -> Result<()> {
        if self.counts.documents + self.counts.duplicate_documents > 0 {
            return Ok(());
        }
        self.left_out.nothing_read(records).map_or(Ok(()), Err)
    }

    /// Adds a batch, in order. `parse` turns an item into a document, in parallel; `bad_records` decides what happens
    /// to an item that is no document.
    pub fn add<T, F>(&mut self, batch: Vec<T>, bad_records: BadRecords, parse: F) -> Result<()>
    where
        T: Send,
        F: Fn(T) -> std::result::Result<Document, (Place, BadRecord)> + Sync,
    {
        let prepared = self.prepare(batch, parse);
        let mut admitted = Vec::with_capacity(prepared.len());
        for prepared in prepared {
            match prepared.and_then(check_length) {
                Ok(prepared) => {
                    if self.admit(&prepared.document)? {
                        admitted.push(prepared);
                    }
                }
                Err((place, bad)) => {
                    let place = self.places.show(place);
                    match bad_records {
                        BadRecords::Skip => self.skip(place, bad)?,
                        BadRecords::Strict | BadRecords::Replace => return Err(bad.at(place)),
                    }
                }
            }
        }
        self.count_distinct(&admitted);
        admitted
            .into_iter()
            .try_for_each(|prepared| self.append(prepared))
    }

    fn prepare<T, F>(
        &self,
        batch: Vec<T>,
        parse: F,
    ) -> Vec<std::result::Result<Prepared, (Place, BadRecord)>>
    where
        T: Send,
        F: Fn(T) -> std::result::Result<Document, (Place, BadRecord)> + Sync,
    {
        let normalization = self.options.normalization;
        // An index without a suffix index keeps no text.
        let keeps_text = self.options.suffixes.is_some();
        let prepare = |item: T| {
            parse(item).map(|document| Prepared::new(document, normalization, keeps_text))
        };
        self.pool
            .install(|| batch.into_par_iter().map(prepare).collect())
    }

    /// Whether the document is to be kept; one that was there before is left out or an error.
    fn admit(&mut self, document: &Document) -> Result<bool> {
        match (self.places.register(document)?, self.options.duplicates) {
            (None, _) => {
                self.counts.documents += 1;
                Ok(true)
            }
            (Some(_), Duplicates::First) => {
                self.counts.duplicate_documents += 1;
                Ok(false)
            }
            (Some(duplicate), Duplicates::Error) => Err(duplicate),
        }
    }

    /// Passes a batch's n-grams to the threads' counters, a share to each.
    fn count_distinct(&mut self, batch: &[Prepared]) {
        let hasher = NgramHasher::new(self.options.n);
        let share = batch.len().div_ceil(self.distinct.len().max(1)).max(1);
        let (pool, distinct) = (&self.pool, &mut self.distinct);
        pool.install(|| {
            distinct
                .par_iter_mut()
                .zip(batch.par_chunks(share))
                .for_each(|(counter, prepared)| {
                    for prepared in prepared {
                        hasher.for_each_chunk(&prepared.document.text, |hashes| {
                            counter.insert(hashes);
                        });
                    }
                });
        });
    }

    fn append(&mut self, prepared: Prepared) -> Result<()> {
        let Prepared {
            document,
            edits,
            characters,
            has_unknown,
        } = prepared;
        self.has_unknown |= has_unknown;
        self.look_for_keys(&document.metadata);
        let bytes = document.text.len() as u64;
        let limit = self.budget.segment_bytes;
        if self
            .segment
            .as_ref()
            .is_some_and(|segment| segment.text_bytes() + bytes + 1 > limit)
        {
            self.close_segment()?;
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => none.insert(SegmentWriter::create(
                self.directory.path(),
                self.written.len(),
                self.parameters,
            )?),
        };
        let record = Record {
            source: &document.source,
            id: &document.id,
            metadata: &document.metadata,
            edits: &edits,
        };
        segment.push(&document.text, record)?;
        // The documents that are kept are counted when they are admitted.
        let counts = Counts::of_document(characters, document.text.len(), self.options.n);
        self.counts = self.counts.plus(Counts {
            documents: 0,
            ..counts
        });
        Ok(())
    }

    /// Removes the keys of `metadata` from the unseen ones. This costs nothing once every key has been seen.
    fn look_for_keys(&mut self, metadata: &str) {
        if self.unseen_keys.is_empty() || metadata == "{}" {
            return;
        }
        let fields: HashMap<Cow<str>, IgnoredAny> =
            serde_json::from_str(metadata).unwrap_or_default();
        self.unseen_keys
            .retain(|key| !fields.contains_key(key.as_str()));
    }

    fn close_segment(&mut self) -> Result<()> {
        if let Some(segment) = self.segment.take() {
            self.written.push(segment.finish()?);
        }
        Ok(())
    }

    /// Ends the reading. The documents are now in segments without suffix arrays.
    pub fn spooled(mut self) -> Result<Spooled> {
        self.check_any_is_good("records")?;
        self.close_segment()?;
        let distinct = self.distinct.drain(..).reduce(|mut total, counter| {
            total.merge(&counter);
            total
        });
        Ok(Spooled {
            distinct_ngrams: distinct
                .map_or(0, |counter| counter.estimate_among(self.counts.ngrams)),
            directory: self.directory,
            segments: self.written,
            counts: self.counts,
            has_unknown: self.has_unknown,
            skipped_reasons: self.left_out.counts(),
            pool: self.pool,
            budget: self.budget,
        })
    }
}

fn check_length(prepared: Prepared) -> std::result::Result<Prepared, (Place, BadRecord)> {
    let bytes = prepared.document.text.len();
    if bytes < MAX_TEXT {
        return Ok(prepared);
    }
    let remedy = "split it into documents of less than 2 GiB";
    let bad = BadRecord::new("a document of 2 GiB or more", remedy);
    let what = format!("a document of {bytes} bytes");
    Err((prepared.document.place, bad.with(what)))
}
