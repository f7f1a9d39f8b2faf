//! Records that are left out: what is wrong with each, how many there are of a kind, and where the first of them stands.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::Error;

/// So many records at the start of the input make sure that the keys or the file are wrong, if none of them is right.
pub const ALL_BAD: u64 = 1000;

/// What to do with a record that is no document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRecords {
    /// End with an error that names it.
    #[default]
    Strict,
    /// Put U+FFFD in place of text that is not valid Unicode; end with an error at any other.
    Replace,
    /// Leave it out, and count it.
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

/// What to do with a document whose source and id another has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// End with an error that names both.
    #[default]
    Error,
    /// Keep the first, and count the others.
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

/// What is wrong with a record, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// The kind of fault, without what only this record has.
    pub reason: String,
    pub what: String,
    pub remedy: Cow<'static, str>,
}

impl BadRecord {
    /// A fault that needs no more words than its kind.
    pub fn new(reason: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self {
            what: reason.clone(),
            reason,
            remedy: remedy.into(),
        }
    }

    /// The same with what only this record has.
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
    /// Each reason with how often it was met and where first, in the order of these places.
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

    /// How often each reason was met.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.reasons.iter();
        counts
            .map(|(reason, count, _)| (reason.clone(), *count))
            .collect()
    }

    /// The error of an input without a good record; none if nothing was left out.
    pub fn nothing_read(&self, records: &str) -> Option<Error> {
        let (place, bad) = self.first.clone()?;
        let what = format!("{}, and none of the {records} can be read", bad.what);
        Some(bad.with(what).at(place))
    }
}
