//! Documents taken out of an index: their text, their places and their n-grams.

use std::collections::BTreeSet;
use std::path::Path;

use super::draft::{Draft, Part};
use super::options::ChangeOptions;
use super::transaction::{Change, stage};
use super::{filters, tiers};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::header::Parameters;
use crate::store::manifest::Counts;

/// Remove documents of `source` from the index in `directory`: those with these ids, or all for none. Gives their number.
///
/// The segments that hold them are written anew without them, and so are the filters, which cannot forget. An identity
/// that is not in the index is an error that changes nothing, and so is what `progress` gives.
pub fn remove(
    directory: &Path,
    source: &str,
    ids: Option<&[String]>,
    options: ChangeOptions,
    progress: impl FnMut(Progress) -> Result<()>,
) -> Result<u64> {
    let (pool, budget) = options.resources()?;
    let change = Change::begin(directory)?;
    if change.manifest.suffixes().is_none() {
        return change.refuse(
            "keeps no text, so that its filter cannot be made without the documents",
            "build it again without them, or with --structures bloom,suffix",
        );
    }
    let mut parts = change.parts()?;
    let chosen = choose(&change, &parts, source, ids)?;
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
        let counts = measure(part, &chosen, change.parameters)?;
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
        filters: filters::without(&change.manifest.filters, directory, &numbers),
        sizing: change.manifest.sizing,
    };
    let counts = change.manifest.counts.minus(gone);
    change.make(draft, staging, counts, pool, progress)?;
    Ok(gone.documents)
}

/// The documents to remove, by segment.
fn choose(
    change: &Change,
    parts: &[Part],
    source: &str,
    ids: Option<&[String]>,
) -> Result<Vec<BTreeSet<usize>>> {
    let documents = parts.iter().map(|part| part.documents(change.parameters));
    let documents = documents.collect::<Result<Vec<_>>>()?;
    let mut chosen = vec![BTreeSet::new(); parts.len()];
    let Some(ids) = ids else {
        for (documents, chosen) in documents.iter().zip(&mut chosen) {
            for document in 0..documents.len() {
                if documents.record(document)?.source == source {
                    chosen.insert(document);
                }
            }
        }
        return Ok(chosen);
    };
    for id in ids {
        let mut found = false;
        for (documents, chosen) in documents.iter().zip(&mut chosen) {
            if let Some(document) = documents.find(source, id)? {
                chosen.insert(document);
                found = true;
            }
        }
        if !found {
            return Err(Error::UnknownDocument {
                path: change.directory.clone(),
                source_name: source.to_owned(),
                id: id.clone(),
            });
        }
    }
    Ok(chosen)
}

/// The chosen documents' numbers in the index.
fn numbers(parts: &[Part], chosen: &[BTreeSet<usize>]) -> Vec<u64> {
    let mut before = 0;
    let mut numbers = Vec::new();
    for (part, chosen) in parts.iter().zip(chosen) {
        numbers.extend(chosen.iter().map(|document| before + *document as u64));
        before += part.segment.documents as u64;
    }
    numbers
}

/// What documents count for.
fn measure(part: &Part, chosen: &BTreeSet<usize>, parameters: Parameters) -> Result<Counts> {
    let documents = part.documents(parameters)?;
    let text = part.text(parameters)?;
    let mut counts = Counts::default();
    for &document in chosen {
        let text = text.document(&documents, document)?;
        let characters = text.chars().count() as u64;
        let ngrams = (characters + 1).saturating_sub(parameters.n as u64);
        counts = counts.plus(Counts {
            documents: 1,
            short_documents: u64::from(ngrams == 0),
            skipped_documents: 0,
            duplicate_documents: 0,
            characters,
            bytes: text.len() as u64,
            ngrams,
        });
    }
    Ok(counts)
}
