//! The filter of indexes that will be merged, filled by many processes, a stretch by each.
//!
//! Each index writes the hashes of its n-grams to a file, by stretch ([`DividedFilter::write_hashes`]). From the files
//! of all indexes, each stretch is filled ([`DividedFilter::fill`]), and [`super::merge`] joins the stretches. No process
//! needs memory for the whole filter or reads all of the text.

use std::path::{Path, PathBuf};

use super::options::ChangeOptions;
use crate::error::{Error, Result};
use crate::filter::bloom::{self, Stretches};
use crate::filter::sizing::Sizing;
use crate::filter_files::bloom::hash_file::write_hashes;
use crate::filter_files::bloom::stretch::fill_stretch;
use crate::filter_files::covered::Covered;
use crate::progress::{Progress, supervise};
use crate::store::manifest::Manifest;
use crate::store::segment::WrittenSegment;

/// A filter that is filled in stretches.
#[derive(Clone, Copy, Debug)]
pub struct DividedFilter {
    pub(super) sizing: Sizing,
    pub(super) stretches: Stretches,
}

impl DividedFilter {
    /// Divides a filter with room for the n-grams that `sizing` expects into at most `most` stretches.
    pub fn new(sizing: Sizing, most: usize) -> Result<Self> {
        let (Some(expected), 1..) = (sizing.expected_ngrams, most) else {
            return Err(Error::Usage(
                "a divided filter needs expected n-grams and a stretch".to_owned(),
            ));
        };
        let words = bloom::words_for(expected, sizing.bits_per_ngram);
        Ok(Self {
            sizing,
            stretches: Stretches::new(words, most),
        })
    }

    /// Returns the number of stretches.
    pub fn count(self) -> usize {
        self.stretches.count()
    }

    /// Writes the hashes of the stored text of the index in `directory` to the new file `output`.
    pub fn write_hashes(
        self,
        directory: &Path,
        output: PathBuf,
        options: ChangeOptions,
        progress: impl FnMut(Progress) -> Result<()>,
    ) -> Result<()> {
        let (pool, _) = options.resources()?;
        let manifest = Manifest::read(directory)?;
        let parameters = manifest.parameters(directory)?;
        let covered = manifest
            .segments
            .iter()
            .map(|entry| WrittenSegment::stored(directory, entry, parameters))
            .map(|segment| Ok(Covered::whole(&segment?)))
            .collect::<Result<Vec<_>>>()?;
        supervise(pool, progress, move |gauge| {
            write_hashes(&covered, &output, self.stretches, parameters, gauge)
        })
    }

    /// Fills a stretch with its hashes in `files`, and writes it to the new file `output`.
    pub fn fill(
        self,
        stretch: usize,
        files: Vec<PathBuf>,
        output: PathBuf,
        options: ChangeOptions,
        progress: impl FnMut(Progress) -> Result<()>,
    ) -> Result<()> {
        if stretch >= self.count() {
            let last = self.count() - 1;
            return Err(Error::Usage(format!(
                "stretch {stretch}: choose from 0 to {last}"
            )));
        }
        let (pool, _) = options.resources()?;
        supervise(pool, progress, move |gauge| {
            fill_stretch(&files, self.stretches, stretch, &output, gauge)
        })
    }
}
