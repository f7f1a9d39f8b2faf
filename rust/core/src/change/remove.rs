//! Removes documents from an index: their text, their places and their n-grams.

use std::collections::BTreeSet;
use std::path::Path;

use super::draft::{Draft, Part};
use super::options::ChangeOptions;
use super::transaction::{Change, stage};
use super::{filters, tiers};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::documents::Documents;
use crate::store::header::Parameters;
use crate::store::manifest::Counts;

/// Documents between two looks at whether to go on.
const LOOK_EVERY: usize = 64;

/// Removes documents of `source` from the index in `directory`: those with the given ids, or all of them for None.
/// Returns their number.
///
/// The segments that hold them are rewritten without them. Filters cannot forget, so those over them are filled
/// again. An identity that is not in the index is an error, and so is an error from `progress`; either leaves the
/// index as it was.
pub fn remove(
    directory: &Path,
    source: &str,
    ids: Option<&[String]>,
    options: ChangeOptions,
    mut progress: impl FnMut(Progress) -> Result<()>,
) -> Result<u64> {
    let (pool, budget) = options.resources()?;
    let change = Change::begin(directory)?;
    if change.manifest.suffixes().is_none() {
        return change.refuse(
            "keeps no text, so its filter cannot be built again without the documents",
            "build it again without them, or with --structures bloom,suffix",
        );
    }
    let mut parts = change.parts()?;
    let mut look = || progress(Progress { done: 0, total: 0 });
    let chosen = choose(&change, &parts, source, ids, &mut look)?;
    if chosen.iter().all(BTreeSet::is_empty) {
        return match ids {
            Some(_) => Ok(0),
            None => Err(Error::UnknownSource {
                path: directory.to_owned(),
                source_name: source.to_owned(),
            }),
        };
    }
    let numbers = numbers(&parts, &chosen);
    let mut gone = Counts::default();
    for (part, chosen) in parts.iter_mut().zip(chosen) {
        let counts = measure(part, &chosen, change.parameters, &mut look)?;
        part.remove(
            chosen.into_iter().collect(),
            counts.bytes + counts.documents,
        );
        gone = gone.plus(counts);
    }
    let staging = stage(directory)?;
    let sizes: Vec<u64> = parts.iter().map(|part| part.bytes).collect();
    let draft = Draft {
        parameters: change.parameters,
        staging: staging.path().to_owned(),
        runs: tiers::tiered(&sizes, budget.segment_bytes),
        parts,
        budget,
        suffixes: change.manifest.suffixes(),
        filters: filters::without(change.manifest.filters.blooms(), directory, &numbers),
        sizing: change.manifest.sizing,
    };
    let counts = change.manifest.counts.minus(gone);
    change.make(draft, staging, counts, pool, progress)?;
    Ok(gone.documents)
}

/// Returns the documents to remove, by segment.
fn choose(
    change: &Change,
    parts: &[Part],
    source: &str,
    ids: Option<&[String]>,
    look: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<BTreeSet<usize>>> {
    let documents = parts.iter().map(|part| part.documents(change.parameters));
    let documents = documents.collect::<Result<Vec<_>>>()?;
    let mut chosen = vec![BTreeSet::new(); parts.len()];
    let Some(ids) = ids else {
        for (documents, chosen) in documents.iter().zip(&mut chosen) {
            for document in 0..documents.len() {
                if document % LOOK_EVERY == 0 {
                    look()?;
                }
                if documents.record(document)?.source == source {
                    chosen.insert(document);
                }
            }
        }
        documents.iter().try_for_each(Documents::check_whole)?;
        return Ok(chosen);
    };
    for (number, id) in ids.iter().enumerate() {
        if number % LOOK_EVERY == 0 {
            look()?;
        }
        let mut found = false;
        for (documents, chosen) in documents.iter().zip(&mut chosen) {
            if let Some(document) = documents.find(source, id)? {
                chosen.insert(document);
                found = true;
            }
        }
        if !found {
            documents.iter().try_for_each(Documents::check_whole)?;
            return Err(Error::UnknownDocument {
                path: change.directory.clone(),
                source_name: source.to_owned(),
                id: id.clone(),
            });
        }
    }
    documents.iter().try_for_each(Documents::check_whole)?;
    Ok(chosen)
}

/// Returns the numbers of the chosen documents in the index.
fn numbers(parts: &[Part], chosen: &[BTreeSet<usize>]) -> Vec<u64> {
    let mut before = 0;
    let mut numbers = Vec::new();
    for (part, chosen) in parts.iter().zip(chosen) {
        numbers.extend(chosen.iter().map(|document| before + *document as u64));
        before += part.segment.documents as u64;
    }
    numbers
}

/// Returns the counts of the chosen documents.
fn measure(
    part: &Part,
    chosen: &BTreeSet<usize>,
    parameters: Parameters,
    look: &mut dyn FnMut() -> Result<()>,
) -> Result<Counts> {
    let documents = part.documents(parameters)?;
    let text = part.text(parameters)?;
    let mut counts = Counts::default();
    for (number, &document) in chosen.iter().enumerate() {
        if number % LOOK_EVERY == 0 {
            look()?;
        }
        let text = text.document(&documents, document)?;
        let characters = text.chars().count();
        counts = counts.plus(Counts::of_document(characters, text.len(), parameters.n));
    }
    documents.check_whole()?;
    text.check_whole()?;
    Ok(counts)
}
