//! What an open index says of itself.

use super::index::Index;
use crate::error::Result;
use crate::filter::sizing::joint_fpr;
use crate::store::documents::Documents;
use crate::store::identities::check_identities;
use crate::store::manifest::{Manifest, RecordKeys, agreed};
use crate::store::segment::Segment;
use crate::suffix::text_index::Suffixes;
use crate::text::normalization::Normalization;

impl Index {
    fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.members.iter().map(|member| &member.manifest)
    }

    /// Returns the number of documents.
    pub fn documents(&self) -> usize {
        let counts = self.manifests().map(|manifest| manifest.counts.documents);
        counts.sum::<u64>() as usize
    }

    /// Returns the number of n-grams, duplicates included.
    pub fn ngrams(&self) -> u64 {
        self.manifests()
            .map(|manifest| manifest.counts.ngrams)
            .sum()
    }

    /// Returns the length of an n-gram in code points.
    pub fn n(&self) -> usize {
        self.parameters.n
    }

    /// Returns how the texts of the index are normalised.
    pub fn normalization(&self) -> Normalization {
        self.parameters.normalization
    }

    /// Whether the index keeps the text and can find any string in it.
    pub fn has_suffix_index(&self) -> bool {
        self.suffixes.is_some()
    }

    /// Returns the names of the structures that answer. Those of filters come first.
    pub fn structures(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if !self.filters.is_none() {
            for kind in self.manifests().filter_map(|one| one.filters.structure()) {
                if !names.contains(&kind) {
                    names.push(kind);
                }
            }
        }
        names.extend(self.suffixes.map(Suffixes::name));
        names
    }

    /// Returns the false-positive rate of all filters together; 0 without a filter.
    pub fn fpr(&self) -> f64 {
        match self.members.as_slice() {
            [only] => only.manifest.filters.fpr(),
            _ if self.filters.is_none() => 0.0,
            _ => joint_fpr(self.manifests().map(|manifest| manifest.filters.fpr())),
        }
    }

    /// Returns the fields of records that all documents were read from; the usual ones if they are not the same.
    pub fn record_keys(&self) -> RecordKeys {
        let keys = agreed(self.manifests().map(|manifest| &manifest.record_keys));
        keys.cloned().unwrap_or_default()
    }

    /// Returns how sources were made of the names of files.
    pub fn identity(&self) -> Option<&str> {
        agreed(self.manifests().map(|manifest| &manifest.identity))?.as_deref()
    }

    /// Returns an error if two documents have one source and id. An index of one directory has no such documents.
    ///
    /// Reads 12 bytes per document, in constant memory. `check` is called now and then, and its error ends the work.
    pub fn check_identities(&self, check: impl Fn() -> Result<()>) -> Result<()> {
        let owners = self.members.iter().flat_map(|member| {
            let segments = member.manifest.segments.len();
            std::iter::repeat_n(member.path.as_path(), segments)
        });
        // Without a suffix index, there are no segments, and nothing knows the documents.
        let documents: Vec<&Documents> = self.segments.iter().map(Segment::documents).collect();
        check_identities(&owners.zip(documents).collect::<Vec<_>>(), check)
    }
}
