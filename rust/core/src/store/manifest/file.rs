//! `manifest.json` on the disk, which is read and checked as a whole and replaced in one step.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::contents::{FORMAT, Manifest, NO_CHECKSUM};
use super::filters::FilterEntries;
use crate::error::{Error, Result};
use crate::filter::sizing::Sizing;
use crate::store::directory::sync_directory;
use crate::store::header::{FORMAT_VERSION, check_version};
use crate::store::names;
use crate::suffix::text_index::Suffixes;
use crate::text::ngram::NgramHasher;
use crate::text::normalization::Normalization;

const CHECKSUM_KEY: &str = "\"checksum\": \"";

impl Manifest {
    /// Reads and checks the manifest of the index in `directory`.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(names::MANIFEST);
        if !path.exists() {
            return Err(Error::NoIndex {
                path: directory.to_owned(),
                what: match (directory.is_dir(), directory.exists()) {
                    (true, _) => "the directory has no manifest.json",
                    (false, true) => "it is a file, not a directory",
                    (false, false) if directory.extension().is_some_and(|kind| kind == "json") => {
                        "the list of indexes does not exist"
                    }
                    (false, false) => "the directory does not exist",
                },
            });
        }
        let json = fs::read(&path).map_err(Error::io("read", &path))?;
        let value: Value = serde_json::from_slice(&json)
            .map_err(|error| Error::damaged(&path, format_args!("not valid JSON: {error}")))?;
        if value["format"] != FORMAT {
            return Err(Error::Foreign {
                path,
                kind: "manifest",
            });
        }
        if value["format_version"] != FORMAT_VERSION {
            return Err(Error::Version {
                path,
                what: "index format",
                found: value["format_version"].as_u64().unwrap_or_default(),
                expected: FORMAT_VERSION.into(),
            });
        }
        let damaged = |error| Error::damaged(&path, format_args!("{error}"));
        let mut manifest: Self = serde_json::from_value(value.clone()).map_err(damaged)?;
        manifest.filters = serde_json::from_value(value).map_err(damaged)?;
        let without = String::from_utf8_lossy(&json).replace(
            &format!("{CHECKSUM_KEY}{}", manifest.checksum),
            &format!("{CHECKSUM_KEY}{NO_CHECKSUM}"),
        );
        if manifest.checksum != format!("{:016x}", xxh3_64(without.as_bytes())) {
            return Err(Error::damaged(&path, "it does not match its checksum"));
        }
        manifest.check_versions(&path)?;
        manifest.normalization.check_unicode(&path)?;
        manifest.check_names(&path)?;
        manifest.check_structures(&path)?;
        manifest.completed(&path)
    }

    /// Fills in the fields that manifests did not have before indexes could change.
    fn completed(mut self, path: &Path) -> Result<Self> {
        if let (None, FilterEntries::Blooms(filters)) = (self.sizing, &mut self.filters)
            && let [filter] = filters.as_mut_slice()
        {
            let sizing = Sizing::new(filter.bits_per_ngram, None);
            self.sizing = Some(sizing.map_err(|error| Error::damaged(path, error))?);
            filter.documents = self.counts.documents;
        }
        self.next_file = self.next_file.max(self.segments.len()).max(1);
        Ok(self)
    }

    /// Writes this manifest to `directory`, replacing an older one in one step.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let partial = directory.join(names::PARTIAL_MANIFEST);
        let write = || {
            let mut file = File::create(&partial)?;
            file.write_all(self.to_json().as_bytes())?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &partial))?;
        let path = directory.join(names::MANIFEST);
        fs::rename(&partial, &path).map_err(Error::io("write", &path))?;
        sync_directory(directory)
    }

    fn check_versions(&self, path: &Path) -> Result<()> {
        let (normalization, hash) = (&self.normalization, &self.hash);
        check_version(
            path,
            "normalization",
            normalization.version,
            Normalization::VERSION,
        )?;
        check_version(path, "hash", hash.version, NgramHasher::VERSION)
    }

    /// Checks that no name leads out of the directory, to somebody else's file or to an endless device.
    fn check_names(&self, path: &Path) -> Result<()> {
        let is_plain = |name: &str| Path::new(name).file_name() == Some(name.as_ref());
        match self.files().find(|file| !is_plain(&file.name)) {
            None => Ok(()),
            Some(file) => {
                let what = format_args!("{:?} is not the name of a file next to it", file.name);
                Err(Error::damaged(path, what))
            }
        }
    }

    /// Checks that the structures match the filters.
    fn check_structures(&self, path: &Path) -> Result<()> {
        let names = self.structures.iter().map(String::as_str);
        let mut filters = names.filter(|name| Suffixes::from_name(name).is_none());
        match filters.next() == self.filters.structure() && filters.next().is_none() {
            true => Ok(()),
            false => Err(Error::damaged(
                path,
                "its structures are not those of its filters",
            )),
        }
    }

    /// Returns the text of the file, including its checksum.
    pub fn to_json(&self) -> String {
        let manifest = Self {
            checksum: NO_CHECKSUM.to_owned(),
            ..self.clone()
        };
        let mut json = serde_json::to_string_pretty(&manifest).expect("plain values serialise");
        json.push('\n');
        let checksum = xxh3_64(json.as_bytes());
        json.replace(
            &format!("{CHECKSUM_KEY}{NO_CHECKSUM}"),
            &format!("{CHECKSUM_KEY}{checksum:016x}"),
        )
    }
}
