//! The directory that a build writes to: `DIR.partial`, which is renamed to `DIR` when everything in it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::directory::{remove_if_present, sync_directory};
use super::lock::lock;
use super::names::{LOCK, MANIFEST};
use crate::error::{Error, Result};

/// A locked directory next to the output. It is removed if it is dropped before `publish`.
pub struct OutputDirectory {
    output: PathBuf,
    partial: PathBuf,
    overwrite: bool,
    published: bool,
    /// Held until the build ends. The system releases it when the process dies.
    _lock: File,
}

/// Returns an error if an index cannot be built at `output`; else the directory that the name leads to, and whether a
/// build that was killed left files there.
pub fn check(output: &Path, overwrite: bool) -> Result<(PathBuf, bool)> {
    let output = followed(output)?;
    check_output(&output, overwrite)?;
    let leftover = is_left_by_a_build(&partial_of(&output)?)?;
    if overwrite {
        is_left_by_a_build(&sibling(&output, "replaced")?)?;
        is_left_by_a_build(&sibling(&output, "old")?)?;
    }
    Ok((output, leftover))
}

impl OutputDirectory {
    /// Takes `output.partial` for this build and removes what a killed build left there.
    pub fn create(output: &Path, overwrite: bool) -> Result<Self> {
        let (output, leftover) = &check(output, overwrite)?;
        let partial = partial_of(output)?;
        let missing: Vec<&Path> = partial
            .ancestors()
            .skip(1)
            .take_while(|parent| !parent.as_os_str().is_empty() && !parent.exists())
            .collect();
        fs::create_dir_all(&partial).map_err(Error::io("create", &partial))?;
        let lock = lock(&partial, "build").inspect_err(|_| {
            // Of what was made here, nothing is left; what others have put there stays.
            let made = std::iter::once(partial.as_path()).chain(missing.iter().copied());
            made.map_while(|made| fs::remove_dir(made).ok())
                .for_each(drop);
        })?;
        for made in missing {
            sync_directory(parent_of(made))?;
        }
        if *leftover {
            clear(&partial)?;
        }
        Ok(Self {
            output: output.to_owned(),
            partial,
            overwrite,
            published: false,
            _lock: lock,
        })
    }

    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Moves the finished directory to its place in one step.
    pub fn publish(mut self) -> Result<()> {
        sync_directory(&self.partial)?;
        check_output(&self.output, self.overwrite)?;
        let replaced = sibling(&self.output, "replaced")?;
        let replaces = self.output.exists();
        if replaces {
            // A command that is changing the old index would lose its work.
            let _lock = lock(&self.output, "command")?;
            remove_if_present(&replaced)?;
            rename(&self.partial, &replaced)?;
            exchange(&replaced, &self.output)?;
        } else {
            rename(&self.partial, &self.output)?;
        }
        self.published = true;
        sync_directory(parent_of(&self.output))?;
        let lock = self.output.join(LOCK);
        fs::remove_file(&lock).map_err(Error::io("remove", &lock))?;
        if replaces {
            remove_if_present(&replaced)?;
        }
        Ok(())
    }
}

impl Drop for OutputDirectory {
    fn drop(&mut self) {
        if !self.published {
            // The build has already failed with an error that says more than one from here.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// Returns the directory that the build of `output` writes to.
pub fn partial_of(output: &Path) -> Result<PathBuf> {
    sibling(output, "partial")
}

/// Returns the target of a link, since only its siblings are on the same disk.
fn followed(output: &Path) -> Result<PathBuf> {
    if !output.is_symlink() {
        return Ok(output.to_owned());
    }
    fs::canonicalize(output).map_err(|_| {
        Error::Usage(format!(
            "{}: is a link that leads nowhere: remove it, or make the directory it leads to",
            output.display()
        ))
    })
}

/// Whether there is something at `place` that a build may remove. Anything else there is an error.
fn is_left_by_a_build(place: &Path) -> Result<bool> {
    if !place.exists() && !place.is_symlink() {
        return Ok(false);
    }
    if place.is_dir() && (place.join(LOCK).exists() || is_empty(place)?) {
        return Ok(true);
    }
    Err(Error::Usage(format!(
        "{}: in the way of the build, and not left by one: move it",
        place.display()
    )))
}

/// Refuses an output that exists, unless it is an empty directory, or an index and `overwrite` is set.
fn check_output(output: &Path, overwrite: bool) -> Result<()> {
    let usage = |what: &str| Err(Error::Usage(format!("{}: {what}", output.display())));
    if !output.exists() {
        return Ok(());
    }
    if !output.is_dir() {
        return usage("exists and is not a directory: choose another output");
    }
    let index = output.join(MANIFEST).exists();
    match (index, overwrite) {
        (true, true) => Ok(()),
        (true, false) => usage(
            "an index is there already: replace it with --overwrite (in Python overwrite=True)",
        ),
        (false, _) if is_empty(output)? => Ok(()),
        (false, _) => usage("holds files that are not an index: choose another output"),
    }
}

fn parent_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn sibling(output: &Path, extension: &str) -> Result<PathBuf> {
    let Some(name) = output.file_name() else {
        let output = output.display();
        return Err(Error::Usage(format!(
            "{output}: give the index a directory of its own"
        )));
    };
    let mut name = name.to_owned();
    name.push(".");
    name.push(extension);
    Ok(output.with_file_name(name))
}

fn is_empty(directory: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(directory).map_err(Error::io("read", directory))?;
    Ok(entries.next().is_none())
}

fn clear(partial: &Path) -> Result<()> {
    for entry in fs::read_dir(partial).map_err(Error::io("read", partial))? {
        let path = entry.map_err(Error::io("read", partial))?.path();
        if !path.ends_with(LOCK) {
            let remove = if path.is_dir() {
                fs::remove_dir_all
            } else {
                fs::remove_file
            };
            remove(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::io("rename", from))
}

/// Swaps two directories. If the system supports it, there is no moment at which one is missing.
fn exchange(new: &Path, old: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = sibling(old, "old")?;
    remove_if_present(&aside)?;
    rename(old, &aside)?;
    rename(new, old)?;
    rename(&aside, new)
}
