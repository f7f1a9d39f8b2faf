//! The copies of texts that come after the first one, in the order of the corpus.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::groups::{first_chars, for_each_group};
use super::marks::Marks;
use super::merged::Place;
use super::stretches::stretches;
use crate::error::Result;
use crate::query::index::Index;
use crate::suffix::view::SuffixView;

/// The texts of `chars` characters that occur a second time, a third time and so on.
pub struct Duplicates {
    chars: usize,
    /// Where they start, for each segment.
    starts: Vec<Marks>,
    /// Bytes that belong to a copy which overlaps the first one, after its end.
    tails: Vec<Marks>,
    is_empty: bool,
    sharing: Sharing,
}

/// The documents of each text that several have, ascending. Many texts have the same ones.
type Sharing = HashSet<Box<[u32]>>;

impl Index {
    /// Finds the texts of `chars` characters that occur earlier in the corpus, too, and if `sharing`, which documents
    /// share them. `check` is called now and then, and its error ends the work.
    pub fn duplicates(
        &self,
        chars: usize,
        sharing: bool,
        check: impl Fn() -> Result<()> + Sync,
    ) -> Result<Duplicates> {
        let views = self.full_views("find duplicates")?;
        let empty = || views.iter().map(|view| Marks::new(view.text().len()));
        let (starts, tails): (Vec<Marks>, Vec<Marks>) = (empty().collect(), empty().collect());
        let groups = Mutex::new(Sharing::new());
        let is_empty = AtomicBool::new(true);
        for_each_group(&views, chars, 2, check, |places| {
            mark_copies(&views, chars, places, &starts, &tails);
            is_empty.store(false, Ordering::Relaxed);
            if !sharing {
                return;
            }
            let mut documents: Vec<u32> = places.iter().map(|place| self.number(place)).collect();
            documents.sort_unstable();
            documents.dedup();
            let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
            if documents.len() > 1 && !groups.contains(documents.as_slice()) {
                groups.insert(documents.into());
            }
        })?;
        Ok(Duplicates {
            chars,
            starts,
            tails,
            is_empty: is_empty.into_inner(),
            sharing: groups.into_inner().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Returns the number of the document at a place, in the order of the corpus.
    fn number(&self, place: &Place) -> u32 {
        let (before, [segment, ..]) = self.segments.split_at(place.segment as usize) else {
            unreachable!("the place is in a segment");
        };
        let before: usize = before.iter().map(|one| one.documents().len()).sum();
        let starts = segment.documents().starts();
        let within = starts.partition_point(|&start| start <= u64::from(place.position));
        (before + within.saturating_sub(1)) as u32
    }
}

/// Marks all places of a text but the first.
fn mark_copies(
    views: &[SuffixView],
    chars: usize,
    places: &[Place],
    starts: &[Marks],
    tails: &[Marks],
) {
    let first = *places.iter().min().expect("a group has places");
    let text = views[first.segment as usize].text();
    let rest = text.get(first.position as usize..).unwrap_or_default();
    let bytes = first_chars(rest, chars).map_or(0, <[u8]>::len);
    let end = first.position as usize + bytes;
    for place in places.iter().filter(|&&place| place != first) {
        let (segment, position) = (place.segment as usize, place.position as usize);
        if place.segment == first.segment && position < end {
            // The first copy stays.
            for byte in end..position + bytes {
                tails[segment].set(byte);
            }
        } else {
            starts[segment].set(position);
        }
    }
}

impl Duplicates {
    /// Returns the spans of a document that are copies of earlier text, in characters of the normalised text.
    pub fn spans(&self, index: &Index, position: usize) -> Result<Vec<(usize, usize)>> {
        let Some((segment, document)) = index.segment_of(position) else {
            return Ok(Vec::new());
        };
        let (starts, tails) = (&self.starts[segment], &self.tails[segment]);
        let segment = &index.segments[segment];
        let Some(range) = segment.documents().text_range(document) else {
            return Ok(Vec::new());
        };
        if !starts.any(range.clone()) && !tails.any(range.clone()) {
            return Ok(Vec::new());
        }
        let text = segment.document_text(document)?;
        let length_at = |byte| match starts.get(range.start + byte) {
            true => Some(self.chars),
            false => tails.get(range.start + byte).then_some(1),
        };
        let spans = stretches(text, length_at).into_iter();
        Ok(spans.map(|span| (span.start, span.end)).collect())
    }

    /// Whether no text occurs twice.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Returns the documents to leave out, ascending, so that no two share a text: each that shares one with an
    /// earlier document that stays. None if the sharing was not asked for.
    pub fn left_out(&self) -> Vec<u32> {
        let groups: Vec<&[u32]> = self.sharing.iter().map(|group| &**group).collect();
        let mut groups_of: HashMap<u32, Vec<usize>> = HashMap::new();
        for (number, group) in groups.iter().enumerate() {
            for &document in *group {
                groups_of.entry(document).or_default().push(number);
            }
        }
        let mut documents: Vec<u32> = groups_of.keys().copied().collect();
        documents.sort_unstable();
        let mut is_kept = vec![false; groups.len()];
        documents.retain(|document| {
            let own = &groups_of[document];
            let is_copy = own.iter().any(|&group| is_kept[group]);
            if !is_copy {
                own.iter().for_each(|&group| is_kept[group] = true);
            }
            is_copy
        });
        documents
    }
}
