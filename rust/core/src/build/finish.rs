//! The second half of a build: from the stored text to filter, suffix arrays and manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rayon::ThreadPool;

use super::builder::Builder;
use super::sorting::{build_suffixes, expect_sorting};
use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::filter_files::bloom::build::{FilterSize, build_filter, fits};
use crate::filter_files::covered::Covered;
use crate::filter_files::fuse::build::{FusePlan, build_fuse as write_fuse};
use crate::progress::{Gauge, Progress, supervise};
use crate::store::header::Parameters;
use crate::store::manifest::{Counts, FilterEntry, FuseFilterEntry, Manifest, RecordKeys};
use crate::store::segment::WrittenSegment;
use crate::suffix::text_index::Suffixes;

impl Builder {
    /// Build the structures, and put the index in its place.
    ///
    /// `progress` is called on this thread several times a second; its error stops the build, which
    /// then leaves nothing behind.
    pub fn finish(self, progress: impl FnMut(Progress) -> Result<()>) -> Result<Manifest> {
        let options = self.options.clone();
        let parameters = self.parameters;
        let spooled = self.spooled()?;
        let plan = Plan {
            directory: spooled.directory.path().to_owned(),
            parameters,
            segments: spooled.segments,
            counts: spooled.counts,
            distinct_ngrams: spooled.distinct_ngrams,
            skipped_reasons: spooled.skipped_reasons,
            record_keys: options.record_keys,
            identity: options.identity,
            sizing: options
                .bits_per_ngram
                .map(|bits| Sizing::new(bits, options.expected_ngrams)),
            fuse: spooled
                .distinct_ngrams
                .filter(|_| options.fuse)
                .map(|ngrams| {
                    FusePlan::new(
                        ngrams,
                        spooled.budget.fuse_bytes,
                        spooled.pool.current_num_threads(),
                    )
                }),
            suffixes: options.suffixes,
            filter_words: spooled.budget.filter_words,
        };
        let manifest = run(plan, spooled.pool, progress)?;
        spooled.directory.publish()?;
        Ok(manifest)
    }
}

struct Plan {
    directory: PathBuf,
    parameters: Parameters,
    segments: Vec<WrittenSegment>,
    counts: Counts,
    distinct_ngrams: Option<u64>,
    skipped_reasons: BTreeMap<String, u64>,
    record_keys: RecordKeys,
    identity: Option<String>,
    sizing: Option<Sizing>,
    fuse: Option<FusePlan>,
    suffixes: Option<Suffixes>,
    /// Words of the filter to hold in memory at a time.
    filter_words: usize,
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

/// Carry out `plan` on the threads of `pool`, while this thread reports and can stop it.
fn run(
    plan: Plan,
    pool: ThreadPool,
    progress: impl FnMut(Progress) -> Result<()>,
) -> Result<Manifest> {
    supervise(pool, progress, move |gauge| build(&plan, gauge))
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
        skipped_reasons: plan.skipped_reasons.clone(),
        record_keys: plan.record_keys.clone(),
        identity: plan.identity.clone(),
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
    write_fuse(&plan.covered(), path, fuse, plan.parameters, gauge).map(Some)
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
