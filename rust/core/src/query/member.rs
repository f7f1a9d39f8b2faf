//! The indexes that are opened as one, each from a directory of its own.

use std::path::{Path, PathBuf};

use super::filters::Filters;
use crate::error::{Error, Result};
use crate::store::header::Parameters;
use crate::store::manifest::Manifest;
use crate::store::segment::Segment;
use crate::suffix::text_index::Suffixes;

/// The index of one directory.
pub struct Member {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// Its open files.
pub struct Files {
    pub parameters: Parameters,
    pub segments: Vec<Segment>,
    pub filters: Filters,
}

impl Member {
    /// Opens the index in the directory `path`. Reads the manifest and the header of every file.
    pub fn open(path: &Path) -> Result<(Self, Files)> {
        let mut manifest = Manifest::read(path)?;
        loop {
            match Files::open(path, &manifest) {
                // A change to the index removes files that only the previous manifest named.
                Err(error) => match Manifest::read(path) {
                    Ok(now) if now.checksum != manifest.checksum => manifest = now,
                    _ => return Err(error),
                },
                Ok(files) => {
                    let path = path.to_owned();
                    return Ok((Self { path, manifest }, files));
                }
            }
        }
    }

    /// Returns an error unless `other` can answer together with this index.
    pub fn check_alike(&self, other: &Self) -> Result<()> {
        let ours = properties(&self.manifest);
        let theirs = properties(&other.manifest);
        let differ = |at: &usize| ours[*at] != theirs[*at];
        let places: Vec<usize> = (0..ours.len()).filter(differ).collect();
        if places.is_empty() {
            return Ok(());
        }
        let shown = |all: &[String]| {
            let shown: Vec<&str> = places.iter().map(|&at| all[at].as_str()).collect();
            shown.join(" and ")
        };
        Err(Error::Refused {
            path: other.path.clone(),
            what: format!(
                "has {}, but {} has {}",
                shown(&theirs),
                self.path.display(),
                shown(&ours)
            ),
            remedy: "build them alike to open them as one",
        })
    }
}

/// Returns what the indexes of a set have in common, in words. Hash and unit are those of the program.
fn properties(manifest: &Manifest) -> [String; 3] {
    [
        format!("n {}", manifest.n),
        format!("normalization {}", manifest.normalization.name),
        match manifest.suffixes() {
            Some(suffixes) => format!("structure {}", suffixes.name()),
            None => "no suffix index".to_owned(),
        },
    ]
}

impl Files {
    fn open(path: &Path, manifest: &Manifest) -> Result<Self> {
        let parameters = manifest.parameters(path)?;
        let open = |suffixes: Suffixes| {
            let entries = manifest.segments.iter();
            let segments = entries.map(|entry| Segment::open(path, entry, parameters, suffixes));
            segments.collect::<Result<_>>()
        };
        Ok(Self {
            segments: manifest.suffixes().map_or_else(|| Ok(Vec::new()), open)?,
            filters: Filters::open(path, &manifest.filters, parameters)?,
            parameters,
        })
    }
}
