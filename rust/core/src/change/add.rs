//! More documents for an index.

use std::path::Path;

use super::draft::{Draft, Part};
use super::options::ChangeOptions;
use super::transaction::{Change, stage_path};
use super::{filters, tiers};
use crate::build::builder::Builder;
use crate::build::left_out::Duplicates;
use crate::build::options::BuildOptions;
use crate::error::Result;
use crate::progress::Progress;
use crate::store::manifest::{Manifest, RecordKeys};

/// An index that documents are being added to, by the `Builder` that `begin` gives.
pub struct Addition {
    change: Change,
}

impl Addition {
    /// Lock the index in `directory`. The builder refuses documents that stand in it already, or leaves them out,
    /// but an index without suffix arrays cannot tell them. `record_keys`: what the documents are read from; what the index was built with
    /// (`Manifest::record_keys`) stays in its manifest.
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
            bits_per_ngram: sizing.map(|sizing| sizing.bits_per_ngram),
            expected_ngrams: None,
            fuse: false,
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
        let standing = change.parts()?;
        let documents = standing
            .iter()
            .map(|part| part.documents(change.parameters));
        builder.refuse(directory.to_owned(), documents.collect::<Result<_>>()?);
        Ok((Self { change }, builder))
    }

    /// Make what `builder` took part of the index.
    ///
    /// `progress` is called on this thread several times a second; its error stops the work, and the index is as it was.
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
        let suffixes = change.manifest.suffixes();
        let mut parts = change.parts()?;
        parts.extend(spooled.segments.into_iter().map(Part::spooled));
        let sizes: Vec<u64> = parts.iter().map(|part| part.bytes).collect();
        let sizing = change.manifest.sizing;
        let new = (
            spooled.counts.documents,
            spooled.distinct_ngrams.unwrap_or(0),
        );
        let old = &change.manifest.filters;
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
