//! Merges segments and filters into a few large segments and one filter.

use std::path::Path;

use super::draft::Draft;
use super::filters::Filter;
use super::options::ChangeOptions;
use super::tiers;
use super::transaction::{Change, stage};
use crate::error::Result;
use crate::progress::Progress;

/// Merges neighbouring segments of the index in `directory` as far as they fit into one, and makes one filter of
/// several.
///
/// An error from `progress` stops the work and leaves the index as it was.
pub fn compact(
    directory: &Path,
    options: ChangeOptions,
    progress: impl FnMut(Progress) -> Result<()>,
) -> Result<()> {
    let (pool, budget) = options.resources()?;
    let change = Change::begin(directory)?;
    let parts = change.parts()?;
    let sizes: Vec<u64> = parts.iter().map(|part| part.bytes).collect();
    let runs = tiers::packed(&sizes, budget.segment_bytes);
    let several = change.manifest.filters.blooms().len() > 1;
    if runs.len() == parts.len() && !several {
        return Ok(());
    }
    if several && change.manifest.suffixes().is_none() {
        return change.refuse(
            "keeps no text to fill one filter from",
            "build it again as a whole, or with --structures bloom,suffix",
        );
    }
    let staging = stage(directory)?;
    let counts = change.manifest.counts;
    let filters = match change.manifest.filters.blooms() {
        [] => Vec::new(),
        [only] => vec![Filter::Kept(directory.to_owned(), only.clone())],
        _ => vec![Filter::alone(counts.documents)],
    };
    let draft = Draft {
        parameters: change.parameters,
        staging: staging.path().to_owned(),
        runs,
        parts,
        budget,
        suffixes: change.manifest.suffixes(),
        filters,
        sizing: change.manifest.sizing,
    };
    change.make(draft, staging, counts, pool, progress)?;
    Ok(())
}
