//! From the files of a dump to an index whose only structure is the filter.

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
use crate::text::normalization::Normalization;

#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Where the parts are, in order; none: beside the header, under the names it gives.
    pub parts: Vec<PathBuf>,
    /// Characters of an n-gram, for the older layout, which does not tell.
    pub n: Option<usize>,
    pub normalization: Normalization,
    /// Whether to replace an index that stands at the output.
    pub overwrite: bool,
}

/// Make an index at `output` of the dump that `header` describes. It appears when it is complete.
///
/// The parts are copied, a chunk at a time, into one file: an index then is one directory that can be moved and verified,
/// and a lookup one address. `progress` is told the bytes copied and read back for their checksum.
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
        // The file has a header, too.
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
            "{path}: this layout does not tell the length of an n-gram; give it with -n"
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
