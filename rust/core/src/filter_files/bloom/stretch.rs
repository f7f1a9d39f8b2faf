//! Fills one stretch of a Bloom filter from files of hashes.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::build::zeros;
use super::hash_file::read_hashes;
use crate::error::{Error, Result};
use crate::filter::bloom::{BloomBuilder, Stretches};
use crate::progress::Gauge;

/// Fills a stretch with its hashes in `files`, and writes its words to `output`.
pub fn fill_stretch(
    files: &[PathBuf],
    stretches: Stretches,
    stretch: usize,
    output: &Path,
    gauge: &Gauge,
) -> Result<()> {
    let range = stretches.words(stretch);
    let mut words = zeros(range.len())?;
    let builder =
        BloomBuilder::part(&mut words, range.start, stretches.total_words()).expect("whole blocks");
    gauge.expect(files.len() as u64);
    let inserter = || builder.inserter();
    files
        .par_iter()
        .with_max_len(1)
        .try_for_each_init(inserter, |inserter, file| {
            gauge.check()?;
            read_hashes(file, stretches, stretch, |hashes| inserter.insert(hashes))?;
            gauge.advance(1);
            Ok(())
        })?;
    drop(builder);
    let mut file = File::create_new(output).map_err(Error::io("create", output))?;
    words
        .into_chunks(|chunk| file.write_all(bytemuck::cast_slice(chunk)))
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", output))
}
