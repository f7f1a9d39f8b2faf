//! The second half of a build: makes filter, suffix arrays and manifest from the stored text.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rayon::ThreadPool;

use super::builder::Builder;
use super::options::WantedFilter;
use super::sorting::{build_suffixes, expect_sorting};
use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::filter_files::bloom::build::{FilterSize, build_filter, fits};
use crate::filter_files::covered::Covered;
use crate::filter_files::fuse::build::{FusePlan, build_fuse};
use crate::progress::{Gauge, Progress, supervise};
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::{Counts, FilterEntries, Manifest, RecordKeys};
use crate::store::segment::WrittenSegment;
use crate::suffix::text_index::Suffixes;

impl Builder {
    /// Builds the structures and moves the index to its place.
    ///
    /// Calls `progress` on this thread several times a second. An error from it stops the build, which then leaves
    /// nothing.
    pub fn finish(self, progress: impl FnMut(Progress) -> Result<()>) -> Result<Manifest> {
        let options = self.options.clone();
        let parameters = self.parameters;
        let spooled = self.spooled()?;
        let ngrams = spooled.distinct_ngrams;
        let filter = match options.filter {
            WantedFilter::None => PlannedFilter::None,
            WantedFilter::Bloom(sizing) => {
                check_expected(sizing, ngrams)?;
                PlannedFilter::Bloom {
                    sizing,
                    size: FilterSize::alone(sizing, ngrams),
                    most_words: spooled.budget.filter_words,
                }
            }
            WantedFilter::Fuse => {
                let threads = spooled.pool.current_num_threads();
                PlannedFilter::Fuse(FusePlan::new(ngrams, spooled.budget.fuse_bytes, threads))
            }
        };
        let plan = Plan {
            directory: spooled.directory.path().to_owned(),
            parameters,
            segments: spooled.segments,
            counts: spooled.counts,
            has_unknown: spooled.has_unknown,
            skipped_reasons: spooled.skipped_reasons,
            record_keys: options.record_keys,
            identity: options.identity,
            filter,
            suffixes: options.suffixes,
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
    has_unknown: bool,
    skipped_reasons: BTreeMap<String, u64>,
    record_keys: RecordKeys,
    identity: Option<String>,
    filter: PlannedFilter,
    suffixes: Option<Suffixes>,
}

enum PlannedFilter {
    None,
    Bloom {
        sizing: Sizing,
        size: FilterSize,
        /// Words of the filter to hold in memory at a time.
        most_words: usize,
    },
    Fuse(FusePlan),
}

impl Plan {
    fn covered(&self) -> Vec<Covered> {
        self.segments.iter().map(Covered::whole).collect()
    }

    fn sizing(&self) -> Option<Sizing> {
        match self.filter {
            PlannedFilter::Bloom { sizing, .. } => Some(sizing),
            PlannedFilter::None | PlannedFilter::Fuse(_) => None,
        }
    }
}

/// Carries out `plan` on the threads of `pool`, while this thread reports progress and can stop the work.
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
        || build_filters(plan, gauge),
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
    let (filters, segments) = (filters?, suffixes?);
    if plan.suffixes.is_none() {
        remove_spooled_text(plan)?;
    }
    let empty = Manifest::new(plan.parameters, filters, plan.suffixes);
    let manifest = Manifest {
        normalization: empty.normalization.with_more(plan.has_unknown),
        counts: plan.counts,
        segments,
        skipped_reasons: plan.skipped_reasons.clone(),
        record_keys: plan.record_keys.clone(),
        identity: plan.identity.clone(),
        sizing: plan.sizing(),
        ..empty
    };
    gauge.check()?;
    manifest.write(&plan.directory)?;
    Ok(manifest)
}

fn build_filters(plan: &Plan, gauge: &Gauge) -> Result<FilterEntries> {
    let covered = plan.covered();
    Ok(match plan.filter {
        PlannedFilter::None => FilterEntries::None,
        PlannedFilter::Bloom {
            size, most_words, ..
        } => {
            let path = Kind::Bloom.path(&plan.directory, 0);
            let entry = build_filter(&covered, path, size, plan.parameters, most_words, gauge)?;
            FilterEntries::Blooms(vec![entry])
        }
        PlannedFilter::Fuse(fuse) => {
            let path = Kind::Fuse.path(&plan.directory, 0);
            FilterEntries::Fuse(build_fuse(&covered, path, fuse, plan.parameters, gauge)?)
        }
    })
}

/// Removes the text, which without a suffix index was needed only to fill the filter.
fn remove_spooled_text(plan: &Plan) -> Result<()> {
    for written in &plan.segments {
        for path in [&written.text, &written.records] {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
    }
    Ok(())
}

/// Returns an error if the filter is too small for the n-grams: it would not keep to its rate.
pub(super) fn check_expected(sizing: Sizing, distinct_ngrams: u64) -> Result<()> {
    match sizing.expected_ngrams {
        Some(expected) if !fits(distinct_ngrams, expected) => Err(Error::Usage(format!(
            "about {distinct_ngrams} distinct n-grams, but room for {expected}: give a larger \
                 --expected-ngrams"
        ))),
        _ => Ok(()),
    }
}
