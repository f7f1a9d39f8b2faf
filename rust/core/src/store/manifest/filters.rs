//! The filters that a manifest lists, all of one kind.

use serde::{Deserialize, Serialize};

use super::entries::FileEntry;
use crate::filter::sizing::joint_fpr;

/// The filters of an index.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum FilterEntries {
    #[default]
    None,
    /// Together, in order, they cover all documents.
    Blooms(Vec<FilterEntry>),
    /// It covers all documents.
    Fuse(FuseFilterEntry),
    /// A published filter. The index then holds nothing else.
    Imported(ImportedFilterEntry),
}

impl FilterEntries {
    /// Returns the name of the structure in manifests and for users.
    pub fn structure(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Blooms(_) => Some("bloom"),
            Self::Fuse(_) => Some("fuse"),
            Self::Imported(_) => Some("redisbloom"),
        }
    }

    /// Returns the Bloom filters; none if the filter is of another kind.
    pub fn blooms(&self) -> &[FilterEntry] {
        match self {
            Self::Blooms(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the false-positive rate of all filters together.
    pub fn fpr(&self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Blooms(entries) => joint_fpr(entries.iter().map(|entry| entry.fpr)),
            Self::Fuse(entry) => joint_fpr([entry.fpr]),
            Self::Imported(entry) => joint_fpr([entry.fpr]),
        }
    }

    pub fn files(&self) -> Vec<&FileEntry> {
        match self {
            Self::None => Vec::new(),
            Self::Blooms(entries) => entries.iter().map(|entry| &entry.file).collect(),
            Self::Fuse(entry) => vec![&entry.file],
            Self::Imported(entry) => vec![&entry.file],
        }
    }
}

impl From<Vec<FilterEntry>> for FilterEntries {
    fn from(blooms: Vec<FilterEntry>) -> Self {
        match blooms.is_empty() {
            true => Self::None,
            false => Self::Blooms(blooms),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FilterEntry {
    /// Number of documents that it covers, which follow those of the filter before it.
    #[serde(default)]
    pub documents: u64,
    /// Distinct n-grams, estimated to about 0.2%.
    pub distinct_ngrams: u64,
    /// Bits of the filter per distinct n-gram.
    pub bits_per_ngram: f64,
    /// Share of bits set.
    pub fill: f64,
    /// False-positive rate that follows from the fill of its blocks.
    pub fpr: f64,
    pub file: FileEntry,
}

/// A filter that RedisBloom made (see [`crate::filter::redis_bloom`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportedFilterEntry {
    /// N-grams in it.
    pub elements: u64,
    /// N-grams that it was sized for.
    pub capacity: u64,
    /// False-positive rate that it was sized for.
    pub stated_fpr: f64,
    /// The modulus of the hashes.
    pub bits: u64,
    /// Bits that an n-gram sets.
    pub hashes: u32,
    /// Share of bits set.
    pub fill: f64,
    /// False-positive rate that follows from the fill: fill^hashes.
    pub fpr: f64,
    pub file: FileEntry,
}

/// A filter that was made for all n-grams at once (see [`crate::filter::fuse`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FuseFilterEntry {
    /// Distinct n-grams, counted.
    pub distinct_ngrams: u64,
    /// Parts that were constructed separately.
    pub partitions: u64,
    /// False-positive rate that follows from the length of a fingerprint.
    pub fpr: f64,
    pub file: FileEntry,
}

/// The fields of a manifest, one per kind.
#[derive(Serialize, Deserialize)]
struct Fields {
    filters: Vec<FilterEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    imported_filter: Option<ImportedFilterEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fuse_filter: Option<FuseFilterEntry>,
}

impl TryFrom<Fields> for FilterEntries {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match (fields.filters, fields.imported_filter, fields.fuse_filter) {
            (blooms, None, None) => Ok(blooms.into()),
            (blooms, Some(entry), None) if blooms.is_empty() => Ok(Self::Imported(entry)),
            (blooms, None, Some(entry)) if blooms.is_empty() => Ok(Self::Fuse(entry)),
            _ => Err("it lists filters of several kinds"),
        }
    }
}

impl From<FilterEntries> for Fields {
    fn from(entries: FilterEntries) -> Self {
        let mut fields = Self {
            filters: Vec::new(),
            imported_filter: None,
            fuse_filter: None,
        };
        match entries {
            FilterEntries::None => {}
            FilterEntries::Blooms(entries) => fields.filters = entries,
            FilterEntries::Fuse(entry) => fields.fuse_filter = Some(entry),
            FilterEntries::Imported(entry) => fields.imported_filter = Some(entry),
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bloom() -> Value {
        json!({"documents": 1, "distinct_ngrams": 2, "bits_per_ngram": 16.0, "fill": 0.5, "fpr": 0.1, "file": file()})
    }

    fn fuse() -> Value {
        json!({"distinct_ngrams": 2, "partitions": 1, "fpr": 0.1, "file": file()})
    }

    fn imported() -> Value {
        json!({
            "elements": 1, "capacity": 2, "stated_fpr": 0.1, "bits": 8, "hashes": 3, "fill": 0.5, "fpr": 0.1,
            "file": file(),
        })
    }

    fn file() -> Value {
        json!({"name": "name", "size": 3, "xxh3": "0"})
    }

    #[test]
    fn filters_of_one_kind_are_read_and_written_as_the_fields_of_a_manifest() {
        for (fields, structure) in [
            (json!({"filters": []}), None),
            (json!({"filters": [bloom(), bloom()]}), Some("bloom")),
            (json!({"filters": [], "fuse_filter": fuse()}), Some("fuse")),
            (
                json!({"filters": [], "imported_filter": imported()}),
                Some("redisbloom"),
            ),
        ] {
            let entries: FilterEntries = serde_json::from_value(fields.clone()).unwrap();
            assert_eq!(entries.structure(), structure);
            assert_eq!(serde_json::to_value(&entries).unwrap(), fields);
        }
    }

    #[test]
    fn filters_of_two_kinds_are_refused() {
        for fields in [
            json!({"filters": [bloom()], "fuse_filter": fuse()}),
            json!({"filters": [bloom()], "imported_filter": imported()}),
            json!({"filters": [], "fuse_filter": fuse(), "imported_filter": imported()}),
        ] {
            let error = serde_json::from_value::<FilterEntries>(fields).unwrap_err();
            assert_eq!(error.to_string(), "it lists filters of several kinds");
        }
    }

    #[test]
    fn the_rate_of_several_filters_is_that_of_any_of_them_erring() {
        let entries = json!({"filters": [bloom(), bloom()]});
        let entries: FilterEntries = serde_json::from_value(entries).unwrap();
        assert!((entries.fpr() - 0.19).abs() < 1e-12);
    }
}
