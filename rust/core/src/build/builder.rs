//! Builds an index: documents are normalised and written to the disk as they arrive, and `finish` adds the
//! structures.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::ThreadPool;
use rayon::prelude::*;
use serde::de::IgnoredAny;

use super::budget::Budget;
use super::options::{BuildOptions, WantedFilter};
use super::places::{Document, Places};
use super::resources::resources;
use crate::error::{Error, Result};
use crate::filter::cardinality::DistinctCounter;
use crate::store::documents::{Documents, Record};
use crate::store::header::Parameters;
use crate::store::manifest::Counts;
use crate::store::output::OutputDirectory;
use crate::store::segment::{SegmentWriter, WrittenSegment};
use crate::suffix::array::MAX_TEXT;
use crate::text::ngram::NgramHasher;

/// A normalised document and its length, both computed in parallel.
struct Prepared {
    document: Document,
    characters: usize,
}

/// A build that has read all its documents, from which an index can be made.
pub struct Spooled {
    pub directory: OutputDirectory,
    pub segments: Vec<WrittenSegment>,
    pub counts: Counts,
    /// Estimated number of distinct n-grams. It is 0 if no filter is wanted, since they are counted only for a
    /// filter.
    pub distinct_ngrams: u64,
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
    counts: Counts,
    /// Metadata keys that no document has had so far.
    unseen_keys: Vec<String>,
    /// One per thread; empty without a filter.
    distinct: Vec<DistinctCounter>,
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
            counts: Counts::default(),
            distinct: vec![DistinctCounter::new(); counters],
            pool,
        })
    }

    /// Names the next input of documents. Returns the number of the input for the `Place` of its documents.
    pub fn input(&mut self, name: &str) -> u32 {
        self.places.input(name)
    }

    /// Makes documents that are in the index at `path` an error.
    pub fn refuse(&mut self, path: PathBuf, documents: Vec<Documents>) {
        self.places.refuse(path, documents);
    }

    pub fn places(&self) -> &Places {
        &self.places
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the metadata keys that are in no document so far. A misspelt key leaves no other trace.
    pub fn unseen_keys(&self) -> &[String] {
        &self.unseen_keys
    }

    /// Counts a record that the caller has left out.
    pub fn skip(&mut self) {
        self.counts.skipped_documents += 1;
    }

    /// Adds a batch, in order. `parse` turns an item into a document, in parallel; an item for which it returns None
    /// is counted as skipped.
    pub fn add<T, F>(&mut self, batch: Vec<T>, parse: F) -> Result<()>
    where
        T: Send,
        F: Fn(T, &Places) -> Result<Option<Document>> + Sync,
    {
        for prepared in self.prepare(batch, parse) {
            match prepared? {
                Some(prepared) => self.append(prepared)?,
                None => self.counts.skipped_documents += 1,
            }
        }
        Ok(())
    }

    fn prepare<T, F>(&mut self, batch: Vec<T>, parse: F) -> Vec<Result<Option<Prepared>>>
    where
        T: Send,
        F: Fn(T, &Places) -> Result<Option<Document>> + Sync,
    {
        let (normalization, places) = (self.options.normalization, &self.places);
        let prepare = |item: T| -> Result<Option<Prepared>> {
            Ok(parse(item, places)?.map(|mut document| {
                document.text = match normalization.normalize(&document.text) {
                    // Most text is already normal and need not be copied.
                    Cow::Borrowed(text) if text.len() == document.text.len() => document.text,
                    changed => changed.into_owned(),
                };
                Prepared {
                    characters: document.text.chars().count(),
                    document,
                }
            }))
        };
        let prepared: Vec<_> = self
            .pool
            .install(|| batch.into_par_iter().map(prepare).collect());
        self.count_distinct(&prepared);
        prepared
    }

    /// Passes a batch's n-grams to the threads' counters, a share to each.
    fn count_distinct(&mut self, batch: &[Result<Option<Prepared>>]) {
        let hasher = NgramHasher::new(self.options.n);
        let share = batch.len().div_ceil(self.distinct.len().max(1)).max(1);
        let (pool, distinct) = (&self.pool, &mut self.distinct);
        pool.install(|| {
            distinct
                .par_iter_mut()
                .zip(batch.par_chunks(share))
                .for_each(|(counter, prepared)| {
                    for prepared in prepared.iter().flatten().flatten() {
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
            characters,
        } = prepared;
        self.places.register(&document)?;
        self.look_for_keys(&document.metadata);
        let bytes = document.text.len() as u64;
        if bytes >= MAX_TEXT as u64 {
            return Err(Error::input(
                self.places.show(document.place),
                format_args!("a document of {bytes} bytes"),
                "split it into documents of less than 2 GiB",
            ));
        }
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
        };
        segment.push(&document.text, record)?;
        let counts = Counts::of_document(characters, document.text.len(), self.options.n);
        self.counts = self.counts.plus(counts);
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
            pool: self.pool,
            budget: self.budget,
        })
    }
}
