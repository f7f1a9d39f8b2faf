//! Adds documents to an index.

use std::path::Path;

use super::draft::{Draft, Part};
use super::options::ChangeOptions;
use super::transaction::{Change, stage_path};
use super::{filters, tiers};
use crate::build::builder::Builder;
use crate::build::left_out::Duplicates;
use crate::build::options::{BuildOptions, WantedFilter};
use crate::error::Result;
use crate::progress::Progress;
use crate::store::manifest::{Manifest, RecordKeys};

/// An index while documents are added to it, by the `Builder` that `begin` returns.
pub struct Addition {
    change: Change,
}

impl Addition {
    /// Locks the index in `directory`. The builder refuses documents that the index already has, or leaves them out;
    /// without a suffix index it cannot know them. `record_keys` names the fields that the documents are read from; the
    /// manifest keeps the fields that the index was built with (`Manifest::record_keys`).
    pub fn begin(
        directory: &Path,
        record_keys: RecordKeys,
        duplicates: Duplicates,
        options: ChangeOptions,
    ) -> Result<(Self, Builder)> {
        let change = Change::begin(directory)?;
        let sizing = change.manifest.sizing;
        let build = BuildOptions {
            n: change.parameters.n,
            normalization: change.parameters.normalization,
            filter: sizing.map_or(WantedFilter::None, WantedFilter::Bloom),
            suffixes: change.manifest.suffixes(),
            threads: options.threads,
            segment_bytes: options.segment_bytes,
            memory_limit: options.memory_limit,
            record_keys,
            overwrite: false,
            duplicates,
            identity: None,
        };
        let mut builder = Builder::create(&stage_path(directory), build)?;
        let existing = change.parts()?;
        let documents = existing
            .iter()
            .map(|part| part.documents(change.parameters));
        builder.refuse(directory.to_owned(), documents.collect::<Result<_>>()?);
        Ok((Self { change }, builder))
    }

    /// Makes the documents that `builder` took part of the index.
    ///
    /// Calls `progress` on this thread several times a second. An error from it stops the work and leaves the index
    /// as it was.
    pub fn finish(
        self,
        builder: Builder,
        progress: impl FnMut(Progress) -> Result<()>,
    ) -> Result<Manifest> {
        let Self { mut change } = self;
        let spooled = builder.spooled()?;
        if spooled.counts.documents == 0 {
            return Ok(change.manifest);
        }
        let normalization = &mut change.manifest.normalization;
        *normalization = normalization.with_more(spooled.has_unknown);
        let suffixes = change.manifest.suffixes();
        let mut parts = change.parts()?;
        parts.extend(spooled.segments.into_iter().map(Part::spooled));
        let sizes: Vec<u64> = parts.iter().map(|part| part.bytes).collect();
        let sizing = change.manifest.sizing;
        let new = (spooled.counts.documents, spooled.distinct_ngrams);
        let old = change.manifest.filters.blooms();
        let filters = sizing.map(|sizing| {
            filters::with_more(old, &change.directory, new, sizing, suffixes.is_some())
        });
        let draft = Draft {
            parameters: change.parameters,
            staging: spooled.directory.path().to_owned(),
            runs: match suffixes.is_some() {
                true => tiers::tiered(&sizes, spooled.budget.segment_bytes),
                false => tiers::apart(parts.len()),
            },
            parts,
            budget: spooled.budget,
            suffixes,
            filters: filters.unwrap_or_default(),
            sizing,
        };
        change.manifest.count_skipped(&spooled.skipped_reasons);
        let counts = change.manifest.counts.plus(spooled.counts);
        change.make(draft, spooled.directory, counts, spooled.pool, progress)
    }
}
