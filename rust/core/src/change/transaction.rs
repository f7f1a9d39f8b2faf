//! A change as a transaction: one writer holds the lock, and one step makes the change visible.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rayon::ThreadPool;

use super::draft::{Draft, Outcome, Part};
use crate::error::{Error, Result};
use crate::progress::{Progress, supervise};
use crate::store::directory::{remove_if_present, sync_directory};
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::lock::lock;
use crate::store::manifest::{Counts, FileEntry, Manifest};
use crate::store::names;
use crate::store::output::{OutputDirectory, partial_of};
use crate::store::segment::kind_of;

/// Directory within the index in which new files are made. They reach their place by a rename.
const STAGING: &str = "change";

/// An index that is locked against other changes.
pub struct Change {
    pub directory: PathBuf,
    pub manifest: Manifest,
    pub parameters: Parameters,
    _lock: File,
}

impl Change {
    /// Locks the index in `directory` and removes what a killed command left there.
    pub fn begin(directory: &Path) -> Result<Self> {
        // Nothing is written to a directory without an index.
        Manifest::read(directory)?.require_changeable(directory)?;
        let lock = lock(directory, "command")?;
        let manifest = Manifest::read(directory)?;
        check_documents(directory, &manifest)?;
        remove_unnamed(directory, &manifest)?;
        Ok(Self {
            directory: directory.to_owned(),
            parameters: manifest.parameters(directory)?,
            manifest,
            _lock: lock,
        })
    }

    /// Returns the current segments.
    pub fn parts(&self) -> Result<Vec<Part>> {
        let open = |entry| Part::finished(&self.directory, entry, self.parameters);
        self.manifest.segments.iter().map(open).collect()
    }

    pub fn refuse<T>(&self, what: impl Into<String>, remedy: &'static str) -> Result<T> {
        Err(Error::Refused {
            path: self.directory.clone(),
            what: what.into(),
            remedy,
        })
    }

    /// Carries out `draft` on the threads of `pool`, and makes the result, with these counts, the index.
    pub fn make(
        self,
        draft: Draft,
        staging: OutputDirectory,
        counts: Counts,
        pool: ThreadPool,
        progress: impl FnMut(Progress) -> Result<()>,
    ) -> Result<Manifest> {
        let here = self.directory.clone();
        let outcome = supervise(pool, progress, move |gauge| draft.carry_out(&here, gauge))?;
        let manifest = Manifest {
            counts,
            ..self.manifest
        };
        commit(&self.directory, staging, outcome, manifest)
    }
}

/// Creates a directory for the new files of the index in `directory`.
pub fn stage(directory: &Path) -> Result<OutputDirectory> {
    OutputDirectory::create(&stage_path(directory), false)
}

/// Returns the output path of `stage`, for a `Builder`, which creates the directory itself.
pub fn stage_path(directory: &Path) -> PathBuf {
    directory.join(STAGING)
}

/// Moves the files of `outcome` into `directory` and writes a manifest that names them.
///
/// Until the manifest is replaced, in one step, the index is the old one.
pub fn commit(
    directory: &Path,
    staging: OutputDirectory,
    outcome: Outcome,
    mut manifest: Manifest,
) -> Result<Manifest> {
    let mut number = manifest.next_file;
    let mut bring = |from: &Option<PathBuf>, files: &mut [(Kind, &mut FileEntry)]| {
        let Some(from) = from else { return Ok(()) };
        for (kind, file) in files {
            let old = from.join(&file.name);
            file.name = kind.file_name(number);
            place(
                &old,
                &directory.join(&file.name),
                from.as_path() == staging.path(),
            )?;
        }
        number += 1;
        Ok(())
    };
    let suffixes = manifest.suffixes().map_or(Kind::Suffix, kind_of);
    manifest.segments.clear();
    for (from, mut entry) in outcome.segments {
        let files = &mut [
            (Kind::Text, &mut entry.text),
            (suffixes, &mut entry.suffix),
            (Kind::Documents, &mut entry.records),
        ];
        bring(&from, files)?;
        manifest.segments.push(entry);
    }
    let mut filters = Vec::new();
    for (from, mut entry) in outcome.filters {
        bring(&from, &mut [(Kind::Bloom, &mut entry.file)])?;
        filters.push(entry);
    }
    manifest.filters = filters.into();
    manifest.next_file = number;
    sync_directory(directory)?;
    manifest.write(directory)?;
    drop(staging);
    // The change is complete. Files that cannot be removed now are removed by the next command.
    let _ = remove_unnamed(directory, &manifest);
    Ok(manifest)
}

/// Checks the numbers of documents of segments and filters, which a change relies on.
fn check_documents(directory: &Path, manifest: &Manifest) -> Result<()> {
    let filters = manifest.filters.blooms();
    let covered = filters.iter().map(|filter| filter.documents);
    let segments = manifest.segments.iter();
    let segments = segments.map(|segment| segment.documents as u64);
    let expected = Some(manifest.counts.documents);
    let fits =
        |documents: Vec<u64>| documents.into_iter().try_fold(0, u64::checked_add) == expected;
    let bad_segments = manifest.suffixes().is_some() && !fits(segments.collect());
    let bad_filters = !filters.is_empty() && !fits(covered.collect());
    match bad_segments || bad_filters {
        true => Err(Error::damaged(
            &directory.join(names::MANIFEST),
            "its segments and filters are not those of its documents",
        )),
        false => Ok(()),
    }
}

/// Moves a new file, or shares a finished one of another index. Neither will ever be rewritten.
fn place(from: &Path, to: &Path, is_new: bool) -> Result<()> {
    if is_new {
        return fs::rename(from, to).map_err(Error::io("move", from));
    }
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).map_err(Error::io("copy", from))?;
    }
    // A finished file may have just been copied here and not be on the disk yet.
    let file = File::open(to).and_then(|file| file.sync_all());
    file.map_err(Error::io("write", to))
}

/// Removes the files of an index that its manifest does not name.
fn remove_unnamed(directory: &Path, manifest: &Manifest) -> Result<()> {
    remove_if_present(&partial_of(&stage_path(directory))?)?;
    for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
        let name = entry.map_err(Error::io("read", directory))?.file_name();
        if is_ours(&name) && !manifest.files().any(|file| *file.name == *name) {
            let path = directory.join(name);
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == names::PARTIAL_MANIFEST || Kind::may_be_named(&name)
}
