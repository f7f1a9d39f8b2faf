//! The documents that a filter covers, and their hashes.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::Result;
use crate::progress::Gauge;
use crate::store::documents::Documents;
use crate::store::header::Parameters;
use crate::store::segment::{SegmentText, WrittenSegment};
use crate::text::ngram::NgramHasher;

/// Bytes of text that a thread takes at a time while filters are filled.
const FILTER_CHUNK: u64 = 1 << 20;

/// Documents of a segment whose n-grams a filter will hold.
#[derive(Clone, Debug)]
pub struct Covered {
    pub segment: WrittenSegment,
    pub documents: Range<usize>,
}

impl Covered {
    pub fn whole(segment: &WrittenSegment) -> Self {
        Self {
            documents: 0..segment.documents,
            segment: segment.clone(),
        }
    }

    /// Returns the bytes of text that `hash` reads.
    fn bytes(&self, parameters: Parameters) -> Result<u64> {
        let records = self.segment.records.clone();
        let documents = Documents::open(records, parameters, self.segment.documents)?;
        let start = |document: usize| {
            let starts = documents.starts();
            starts
                .get(document)
                .copied()
                .unwrap_or(self.segment.text_bytes)
        };
        Ok(start(self.documents.end).saturating_sub(start(self.documents.start)))
    }

    /// Passes the hashes of all n-grams to several sinks in parallel, a share to each.
    pub fn hash<S: FnMut(&[u64])>(
        &self,
        parameters: Parameters,
        gauge: &Gauge,
        sink: impl Fn() -> S + Sync,
    ) -> Result<()> {
        let text = SegmentText::open(self.segment.text.clone(), parameters)?;
        let records = self.segment.records.clone();
        let documents = Documents::open(records, parameters, self.segment.documents)?;
        let runs = runs_of_documents(documents.starts(), self.documents.clone());
        let hasher = NgramHasher::new(parameters.n);
        let next = AtomicUsize::new(0);
        // There is one task per thread, not per run, so that a sink can keep its buffers. If a thread is busy with a
        // suffix array, the others take over its runs.
        let hash = |_| {
            let mut sink = sink();
            while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                gauge.check()?;
                for document in run.clone() {
                    let text = text.document(&documents, document)?;
                    hasher.for_each_chunk(text, &mut sink);
                    gauge.advance(text.len() as u64 + 1);
                }
            }
            Ok(())
        };
        let tasks = 0..rayon::current_num_threads();
        tasks
            .into_par_iter()
            .with_max_len(1)
            .map(hash)
            .collect::<Result<()>>()?;
        documents.check_whole()?;
        text.check_whole()
    }
}

/// Announces that the text of `covered` will be read `passes` times.
pub fn expect_passes(
    covered: &[Covered],
    passes: u64,
    parameters: Parameters,
    gauge: &Gauge,
) -> Result<()> {
    let bytes = covered.iter().map(|part| part.bytes(parameters));
    gauge.expect(passes * bytes.sum::<Result<u64>>()?);
    Ok(())
}

/// Cuts documents into runs of about `FILTER_CHUNK` bytes of text.
fn runs_of_documents(starts: &[u64], documents: Range<usize>) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let end = documents.end.min(starts.len());
    let mut first = documents.start;
    for document in first + 1..=end {
        let full = match starts.get(document) {
            Some(start) if document < end => start - starts[first] >= FILTER_CHUNK,
            _ => true,
        };
        if full {
            runs.push(first..document);
            first = document;
        }
    }
    runs
}
