//! Records that are left out: the reasons, and for each reason the count and the first place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::Error;

/// If this many records at the start of the input are all bad, the keys or the file must be wrong.
pub const ALL_BAD: u64 = 1000;

/// The treatment of a bad record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRecords {
    /// Fail with an error that names the record.
    #[default]
    Strict,
    /// Replace invalid Unicode by U+FFFD. Fail for any other reason.
    Replace,
    /// Leave the record out and count it.
    Skip,
}

impl BadRecords {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "strict" => Some(Self::Strict),
            "replace" => Some(Self::Replace),
            "skip" => Some(Self::Skip),
            _ => None,
        }
    }
}

/// The treatment of a document whose source and id occurred before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// Fail with an error that names both documents.
    #[default]
    Error,
    /// Keep the first and count the others.
    First,
}

impl Duplicates {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "error" => Some(Self::Error),
            "first" => Some(Self::First),
            _ => None,
        }
    }
}

/// The fault of a record, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// The kind of fault, without the details of this record.
    pub reason: String,
    pub what: String,
    pub remedy: Cow<'static, str>,
}

impl BadRecord {
    /// Returns a fault without details.
    pub fn new(reason: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self {
            what: reason.clone(),
            reason,
            remedy: remedy.into(),
        }
    }

    /// Returns the fault with the details of this record.
    pub fn with(self, what: String) -> Self {
        Self { what, ..self }
    }

    pub fn at(self, place: String) -> Error {
        Error::input(place, self.what, self.remedy)
    }
}

/// The records that were left out so far.
#[derive(Default)]
pub struct LeftOut {
    /// Each reason with its count and its first place, in the order of these places.
    reasons: Vec<(String, u64, String)>,
    first: Option<(String, BadRecord)>,
}

impl LeftOut {
    pub fn count(&mut self, place: String, bad: BadRecord) {
        let known = self.reasons.iter_mut().find(|known| known.0 == bad.reason);
        match known {
            Some(known) => known.1 += 1,
            None => self.reasons.push((bad.reason.clone(), 1, place.clone())),
        }
        self.first.get_or_insert((place, bad));
    }

    pub fn reasons(&self) -> &[(String, u64, String)] {
        &self.reasons
    }

    /// Returns the count of each reason.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.reasons.iter();
        counts
            .map(|(reason, count, _)| (reason.clone(), *count))
            .collect()
    }

    /// Returns the error of an input without a good record, or None if nothing was left out.
    pub fn nothing_read(&self, records: &str) -> Option<Error> {
        let (place, bad) = self.first.clone()?;
        let what = format!("{}, and none of the {records} can be read", bad.what);
        Some(bad.with(what).at(place))
    }
}
