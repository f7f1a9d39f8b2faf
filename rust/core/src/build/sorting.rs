//! Builds the suffix arrays of segments whose text is written.

use std::path::Path;

use rayon::prelude::*;

use crate::error::Result;
use crate::progress::Gauge;
use crate::store::header::Parameters;
use crate::store::manifest::{FileEntry, SegmentEntry};
use crate::store::segment::{self, SegmentText, WrittenSegment};
use crate::suffix::text_index::Suffixes;

/// Announces the work of `build_suffixes`.
pub fn expect_sorting(segments: &[WrittenSegment], gauge: &Gauge) {
    gauge.expect(segments.iter().map(|segment| segment.text_bytes).sum());
}

/// Sorts the suffixes of segments whose text is written, into files in `directory`.
pub fn build_suffixes(
    segments: &[WrittenSegment],
    directory: &Path,
    parameters: Parameters,
    suffixes: Suffixes,
    gauge: &Gauge,
) -> Result<Vec<SegmentEntry>> {
    let build = |(number, written): (usize, &WrittenSegment)| -> Result<SegmentEntry> {
        gauge.check()?;
        let text = SegmentText::open(written.text.clone(), parameters)?;
        let path = segment::kind_of(suffixes).path(directory, number);
        let step = || gauge.check();
        let path = segment::write_suffixes(&text, path, parameters, suffixes, step)?;
        text.check_whole()?;
        gauge.advance(written.text_bytes);
        Ok(SegmentEntry {
            documents: written.documents,
            text: FileEntry::of(&written.text)?,
            suffix: FileEntry::of(&path)?,
            records: FileEntry::of(&written.records)?,
        })
    };
    segments.par_iter().enumerate().map(build).collect()
}
