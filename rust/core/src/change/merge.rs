//! Merges indexes that were built separately.

use std::path::{Path, PathBuf};

use super::divided::DividedFilter;
use super::draft::{Draft, Part};
use super::filters::{self, Filter};
use super::options::ChangeOptions;
use super::tiers;
use super::transaction::{self, stage};
use crate::error::{Error, Result};
use crate::progress::{Progress, supervise};
use crate::store::documents::Documents;
use crate::store::header::Parameters;
use crate::store::identities::check_identities;
use crate::store::manifest::{Counts, Manifest, agreed};
use crate::store::output::OutputDirectory;

/// An index to be merged.
struct Input {
    path: PathBuf,
    /// The canonical path.
    place: PathBuf,
    manifest: Manifest,
    parts: Vec<Part>,
}

/// Makes the index `output` from `indexes`: the documents of the first, then those of the second, and so on.
///
/// The indexes do not change. Whole segments are shared with them, by hard links if the file system has them. Filters
/// of one size are united; otherwise one is filled from the text. Indexes without a filter get one whose stretches are
/// in the files `divided`, if they are given. An error from `progress` stops the work and leaves nothing.
pub fn merge(
    indexes: &[PathBuf],
    output: &Path,
    overwrite: bool,
    divided: Option<(DividedFilter, Vec<PathBuf>)>,
    options: ChangeOptions,
    progress: impl FnMut(Progress) -> Result<()>,
) -> Result<Manifest> {
    let (pool, budget) = options.resources()?;
    let inputs = open(indexes)?;
    let Some(first) = inputs.first() else {
        return Err(Error::Usage(
            "no index to merge: name one or more".to_owned(),
        ));
    };
    let parameters = first.manifest.parameters(&first.path)?;
    let (filters, sizing) = match divided {
        None => (united(&inputs)?, first.manifest.sizing),
        Some((divided, files)) => {
            let documents = inputs.iter().map(|input| input.manifest.counts.documents);
            let filter = Filter::Divided(divided, files, documents.sum());
            (vec![filter], Some(divided.sizing))
        }
    };
    let has_bloom = first.manifest.filters.structure().is_some();
    let added = (!has_bloom && !filters.is_empty()).then(|| "bloom".to_owned());
    let output = OutputDirectory::create(output, overwrite)?;
    let staging = stage(output.path())?;
    let paths = inputs
        .iter()
        .flat_map(|input| vec![input.path.clone(); input.parts.len()]);
    let paths: Vec<PathBuf> = paths.collect();
    let parts: Vec<Part> = inputs
        .iter()
        .flat_map(|input| input.parts.clone())
        .collect();
    let sizes: Vec<u64> = parts.iter().map(|part| part.bytes).collect();
    let draft = Draft {
        parameters,
        staging: staging.path().to_owned(),
        runs: tiers::tiered(&sizes, budget.segment_bytes),
        parts,
        budget,
        suffixes: first.manifest.suffixes(),
        filters,
        sizing,
    };
    let structures = added.into_iter().chain(first.manifest.structures.clone());
    let mut manifest = Manifest {
        structures: structures.collect(),
        sizing,
        counts: inputs.iter().fold(Counts::default(), |sum, input| {
            sum.plus(input.manifest.counts)
        }),
        normalization: first.manifest.normalization.with_more(
            inputs
                .iter()
                .any(|input| input.manifest.normalization.unknown_characters),
        ),
        // The fields that documents added later are read from.
        record_keys: agreed(inputs.iter().map(|input| &input.manifest.record_keys))
            .cloned()
            .unwrap_or_default(),
        identity: agreed(inputs.iter().map(|input| &input.manifest.identity))
            .cloned()
            .flatten(),
        next_file: 0,
        ..first.manifest.clone()
    };
    for input in &inputs[1..] {
        manifest.count_skipped(&input.manifest.skipped_reasons);
    }
    let here = output.path().to_owned();
    let outcome = supervise(pool, progress, move |gauge| {
        check_documents(&paths, &draft.parts, parameters)?;
        draft.carry_out(&here, gauge)
    })?;
    let manifest = transaction::commit(output.path(), staging, outcome, manifest)?;
    output.publish()?;
    Ok(manifest)
}

fn open(indexes: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    for path in indexes {
        let manifest = Manifest::read(path)?;
        manifest.require_changeable(path)?;
        let place = path.canonicalize().map_err(Error::io("open", path))?;
        if inputs.iter().any(|input| input.place == place) {
            return Err(Error::Refused {
                path: path.to_owned(),
                what: "is named twice".to_owned(),
                remedy: "name each index once",
            });
        }
        if let Some(first) = inputs.first() {
            check_alike(first, path, &manifest)?;
        }
        let parameters = manifest.parameters(path)?;
        let parts = manifest.segments.iter();
        let parts = parts.map(|entry| Part::finished(path, entry, parameters));
        inputs.push(Input {
            path: path.clone(),
            place,
            parts: parts.collect::<Result<_>>()?,
            manifest,
        });
    }
    Ok(inputs)
}

fn check_alike(first: &Input, path: &Path, manifest: &Manifest) -> Result<()> {
    let describe = |manifest: &Manifest| {
        let (n, normalization) = (manifest.n, &manifest.normalization.name);
        let structures = manifest.structures.join(",");
        format!("n {n}, normalization {normalization}, structures {structures}")
    };
    let (ours, theirs) = (describe(&first.manifest), describe(manifest));
    match ours == theirs {
        true => Ok(()),
        false => Err(Error::Refused {
            path: path.to_owned(),
            what: format!("has {theirs}, but {} has {ours}", first.path.display()),
            remedy: "build them alike",
        }),
    }
}

/// Plans one filter: united from filters of one size if that keeps to the stated rate, otherwise filled from the
/// text.
fn united(inputs: &[Input]) -> Result<Vec<Filter>> {
    if inputs[0].manifest.sizing.is_none() {
        return Ok(Vec::new());
    }
    let mut single = Vec::new();
    for input in inputs {
        if let [filter] = input.manifest.filters.blooms() {
            single.push((input.path.clone(), filter.clone()));
        }
    }
    let sizes = single.iter().map(|(_, filter)| filter.file.size);
    let alike = sizes.clone().all(|size| Some(size) == sizes.clone().next());
    if alike && single.len() == inputs.len() {
        return Ok(vec![Filter::Union(single)]);
    }
    if inputs[0].manifest.suffixes().is_none() {
        return Err(filters::cannot_unite(&inputs[0].path));
    }
    let documents = inputs.iter().map(|input| input.manifest.counts.documents);
    Ok(vec![Filter::alone(documents.sum())])
}

/// Returns an error if a document is in two of the indexes. An index without a suffix index does not know its
/// documents.
fn check_documents(paths: &[PathBuf], parts: &[Part], parameters: Parameters) -> Result<()> {
    let documents = parts.iter().map(|part| part.documents(parameters));
    let documents = documents.collect::<Result<Vec<Documents>>>()?;
    let paths = paths.iter().map(PathBuf::as_path);
    check_identities(&paths.zip(&documents).collect::<Vec<_>>(), || Ok(()))
}
