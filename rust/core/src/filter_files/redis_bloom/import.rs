//! Makes an index from the files of a dump. The filter is its only structure.

use std::path::{Path, PathBuf};

use super::dump::Dump;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::checksum;
use crate::store::container::FileWriter;
use crate::store::header::Parameters;
use crate::store::kind::Kind;
use crate::store::manifest::{FileEntry, FilterEntries, ImportedFilterEntry, Manifest};
use crate::store::output::OutputDirectory;
use crate::text::ngram::NgramHasher;
use crate::text::squash::Normalization;

#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Paths of the parts, in order. If empty, they are next to the header, under the names that it gives.
    pub parts: Vec<PathBuf>,
    /// Characters per n-gram, for the older layout, which does not record them.
    pub n: Option<usize>,
    pub normalization: Normalization,
    /// Whether to replace an index at the output.
    pub overwrite: bool,
}

/// Makes an index at `output` from the dump that `header` describes. It appears when it is complete.
///
/// The parts are copied into one file, a chunk at a time, so that an index is one directory that can be moved and
/// verified, and a lookup needs one address. `progress` is called with the bytes copied and read back for their
/// checksum.
pub fn import(
    header: &Path,
    output: &Path,
    options: &ImportOptions,
    mut progress: impl FnMut(Progress) -> Result<()>,
) -> Result<Manifest> {
    let dump = Dump::open(header, &options.parts)?;
    let parameters = Parameters {
        n: width(header, &dump, options.n)?,
        normalization: options.normalization,
    };
    let directory = OutputDirectory::create(output, options.overwrite)?;
    let path = Kind::RedisBloom.path(directory.path(), 0);
    let mut file = FileWriter::create(path, Kind::RedisBloom, parameters)?;
    file.begin_section()?;
    let total = 2 * dump.header.bytes;
    let (mut done, mut ones) = (0, 0);
    dump.for_each_chunk(|chunk| {
        ones += chunk
            .iter()
            .map(|byte| u64::from(byte.count_ones()))
            .sum::<u64>();
        done += chunk.len() as u64;
        file.write(chunk)?;
        progress(Progress { done, total })
    })?;
    let path = file.finish()?;
    let xxh3 = checksum::checksum_with(&path, &mut |bytes| {
        // The file also has a header.
        done = (done + bytes).min(total);
        progress(Progress { done, total })
    })?;
    let fill = (ones as f64 / dump.header.bits as f64).min(1.0);
    let entry = ImportedFilterEntry {
        elements: dump.header.elements,
        capacity: dump.header.capacity,
        stated_fpr: dump.header.stated_fpr,
        bits: dump.header.bits,
        hashes: dump.header.hashes,
        fill,
        fpr: fill.powi(dump.header.hashes as i32),
        file: FileEntry::with_checksum(&path, xxh3)?,
    };
    let manifest = Manifest::new(parameters, FilterEntries::Imported(entry), None);
    manifest.write(directory.path())?;
    directory.publish()?;
    Ok(manifest)
}

fn width(header: &Path, dump: &Dump, given: Option<usize>) -> Result<usize> {
    let max = NgramHasher::MAX_N;
    let path = header.display();
    match (dump.width, given) {
        (None, None) => Err(Error::Usage(format!(
            "{path}: this layout does not record the length of an n-gram; give it with -n"
        ))),
        (Some(width), Some(n)) if width != n => Err(Error::Usage(format!(
            "{path}: its n-grams have {width} characters, not {n}; leave -n out"
        ))),
        (Some(n), _) | (None, Some(n)) if !(1..=max).contains(&n) => Err(Error::Usage(format!(
            "{path}: n-grams of {n} characters; those of 1 to {max} can be imported"
        ))),
        (Some(n), _) | (None, Some(n)) => Ok(n),
    }
}
