//! Whether a document is in two corpora.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::Path;

use super::documents::Documents;
use crate::error::{Error, Result};

/// Documents between two calls of `check`.
const CHECK_EVERY: usize = 1 << 20;

/// Returns an error if two documents of the segments have one source and id. `segments` are the documents of each, with
/// the directory of its index.
///
/// The hashes of the identities are sorted in each segment, so they are merged, in constant memory. `check` is called
/// now and then, and its error ends the work.
pub fn check_identities(
    segments: &[(&Path, &Documents)],
    check: impl Fn() -> Result<()>,
) -> Result<()> {
    let tables = segments.iter().map(|(_, documents)| documents.identities());
    let mut tables: Vec<_> = tables.collect();
    let mut next = BinaryHeap::with_capacity(tables.len());
    for (segment, table) in tables.iter_mut().enumerate() {
        next.extend(
            table
                .next()
                .map(|(hash, document)| Reverse((hash, segment, document))),
        );
    }
    let mut alike: Vec<(usize, u32)> = Vec::new();
    let mut last = None;
    for number in 0.. {
        if number % CHECK_EVERY == 0 {
            check()?;
        }
        let Some(mut top) = next.peek_mut() else {
            break;
        };
        let Reverse((hash, segment, document)) = *top;
        match tables[segment].next() {
            Some((hash, document)) => *top = Reverse((hash, segment, document)),
            None => _ = std::collections::binary_heap::PeekMut::pop(top),
        }
        if last != Some(hash) {
            check_names(segments, &alike)?;
            alike.clear();
            last = Some(hash);
        }
        alike.push((segment, document));
    }
    check_names(segments, &alike)?;
    let mut documents = segments.iter().map(|(_, documents)| documents);
    documents.try_for_each(|documents| documents.check_whole())
}

/// Returns an error if two of the documents `alike`, whose hashes are the same, have one source and id.
fn check_names(segments: &[(&Path, &Documents)], alike: &[(usize, u32)]) -> Result<()> {
    if alike.len() < 2 {
        return Ok(());
    }
    let mut seen = HashMap::new();
    for &(segment, document) in alike {
        let (path, documents) = segments[segment];
        let (source, id) = documents.name(document as usize)?;
        if let Some(other) = seen.insert((source, id), path) {
            return Err(Error::Refused {
                path: path.to_owned(),
                what: format!(
                    "the document {id:?} of source {source:?} is also in {}",
                    other.display()
                ),
                remedy: "remove it from one of them (`quotetune remove`)",
            });
        }
    }
    Ok(())
}
