//! Makes the files of the new index from a draft.

use std::path::{Path, PathBuf};

use super::draft::{Draft, Outcome, Part};
use super::filling;
use crate::build::sorting;
use crate::error::Result;
use crate::progress::Gauge;
use crate::store::manifest::SegmentEntry;
use crate::store::segment::{SegmentWriter, WrittenSegment};

/// A segment of the new index.
enum Made {
    Kept(PathBuf, SegmentEntry, WrittenSegment),
    New(WrittenSegment),
}

impl Made {
    fn written(&self) -> &WrittenSegment {
        match self {
            Self::Kept(_, _, written) | Self::New(written) => written,
        }
    }
}

impl Draft {
    /// Writes the new files. Files in the directory `here` stay where they are.
    pub fn carry_out(self, here: &Path, gauge: &Gauge) -> Result<Outcome> {
        self.expect_rewriting(gauge);
        let made = self.write_texts(gauge)?;
        let all: Vec<_> = made.iter().map(|made| made.written().clone()).collect();
        let new = made.iter().filter_map(|made| match made {
            Made::New(written) => Some(written.clone()),
            Made::Kept(..) => None,
        });
        let new: Vec<_> = new.collect();
        if self.suffixes.is_some() {
            sorting::expect_sorting(&new, gauge);
        }
        let (filters, suffixes) = rayon::join(
            || filling::make(&self, &all, gauge),
            || match self.suffixes {
                Some(suffixes) => {
                    sorting::build_suffixes(&new, &self.staging, self.parameters, suffixes, gauge)
                }
                None => Ok(Vec::new()),
            },
        );
        let stays = |directory: PathBuf| (directory != here).then_some(directory);
        let mut suffixes = suffixes?.into_iter();
        let segments = made.into_iter().filter_map(|made| match made {
            Made::Kept(directory, entry, _) => Some((stays(directory), entry)),
            Made::New(_) => suffixes
                .next()
                .map(|entry| (Some(self.staging.clone()), entry)),
        });
        Ok(Outcome {
            segments: segments.collect(),
            filters: filters?
                .into_iter()
                .map(|(directory, entry)| (stays(directory), entry))
                .collect(),
        })
    }

    /// Announces the texts that are rewritten. They are also sorted afterwards.
    fn expect_rewriting(&self, gauge: &Gauge) {
        for run in &self.runs {
            let parts = &self.parts[run.clone()];
            if !matches!(parts, [part] if part.is_whole()) {
                gauge.expect(parts.iter().map(|part| part.bytes).sum());
            }
        }
    }

    fn write_texts(&self, gauge: &Gauge) -> Result<Vec<Made>> {
        let mut made = Vec::new();
        // The segments that a builder wrote to the same directory have the first numbers.
        let mut number = self.parts.len();
        for run in &self.runs {
            let parts = &self.parts[run.clone()];
            match parts {
                [part] if part.is_whole() => made.push(match &part.finished {
                    Some((directory, entry)) => {
                        Made::Kept(directory.clone(), entry.clone(), part.segment.clone())
                    }
                    None => Made::New(part.segment.clone()),
                }),
                _ => made.extend(
                    self.rewrite(parts, &mut number, gauge)?
                        .into_iter()
                        .map(Made::New),
                ),
            }
        }
        Ok(made)
    }

    /// Writes the remaining documents of `parts` as new segments.
    fn rewrite(
        &self,
        parts: &[Part],
        number: &mut usize,
        gauge: &Gauge,
    ) -> Result<Vec<WrittenSegment>> {
        let mut finished = Vec::new();
        let mut open: Option<SegmentWriter> = None;
        for part in parts {
            let documents = part.documents(self.parameters)?;
            let text = part.text(self.parameters)?;
            let mut removed = part.removed.iter().peekable();
            for document in 0..documents.len() {
                if removed.next_if_eq(&&document).is_some() {
                    continue;
                }
                let text = text.document(&documents, document)?;
                let bytes = text.len() as u64 + 1;
                if let Some(full) =
                    open.take_if(|open| open.text_bytes() + bytes > self.budget.segment_bytes)
                {
                    finished.push(full.finish()?);
                }
                let segment = match &mut open {
                    Some(segment) => segment,
                    none => {
                        *number += 1;
                        none.insert(SegmentWriter::create(
                            &self.staging,
                            *number,
                            self.parameters,
                        )?)
                    }
                };
                segment.push(text, documents.record(document)?)?;
                gauge.advance(bytes);
                gauge.check()?;
            }
            documents.check_whole()?;
            text.check_whole()?;
        }
        if let Some(last) = open {
            finished.push(last.finish()?);
        }
        Ok(finished)
    }
}
