//! The fields of a record that make a document. A key is a name, or a path of names into objects.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Names of the fields of a record. `a.b` is the field `a.b`, or else the field `b` of the object `a`.
#[derive(Clone, Debug)]
pub struct Keys {
    pub text: String,
    /// The field of the id. None if the id of each record is its number.
    pub id: Option<Key>,
    pub source: SourceName,
    /// The fields of the metadata. A field that a record lacks is left out.
    pub metadata: Vec<String>,
}

/// A field that records may have.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    /// Whether a record without the field is an error.
    pub required: bool,
}

/// The origin of a document's source.
#[derive(Clone, Debug)]
pub enum SourceName {
    /// The same source for all documents.
    Fixed(String),
    /// A field of the record, or the default of the file if the record lacks it.
    Key(Key),
}

impl SourceName {
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Key(key) => Some(key),
            Self::Fixed(_) => None,
        }
    }
}

/// The values of the fields that the keys name.
pub struct Fields {
    pub text: Option<Value>,
    pub id: Option<Value>,
    pub source: Option<Value>,
    pub metadata: Vec<Option<Value>>,
}

/// A key, and the value that was found for it.
struct Wanted<'k> {
    name: &'k str,
    value: Option<Value>,
    /// The rank of the field in which the value was found. The field `a.b` comes before the field `b` of the object
    /// `a`.
    rank: usize,
}

const WHOLE: usize = 0;

impl<'k> Wanted<'k> {
    fn new(name: &'k str) -> Self {
        Self {
            name,
            value: None,
            rank: usize::MAX,
        }
    }

    /// Returns the rank of a field of this name.
    fn rank_of(&self, field: &str) -> Option<usize> {
        if self.name == field {
            return Some(WHOLE);
        }
        let rest = self.name.strip_prefix(field)?;
        rest.starts_with('.').then_some(field.len() + 1)
    }
}

/// Reads only the fields that the keys name, and skips the others.
struct FieldsVisitor<'k>(&'k Keys);

impl<'de> Visitor<'de> for FieldsVisitor<'_> {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let Keys {
            text,
            id,
            source,
            metadata,
        } = self.0;
        let names = metadata.iter().map(String::as_str);
        let id = id.as_ref().map(|key| key.name.as_str());
        let source = source.key().map(|key| key.name.as_str());
        let named = names.chain(id).chain(source).chain([text.as_str()]);
        let mut wanted: Vec<Wanted> = named.map(Wanted::new).collect();
        while let Some(field) = map.next_key::<Cow<str>>()? {
            if wanted.iter().all(|wanted| wanted.rank_of(&field).is_none()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            take(&mut wanted, &field, map.next_value()?);
        }
        let mut values = wanted.into_iter().map(|wanted| wanted.value);
        Ok(Fields {
            metadata: values.by_ref().take(metadata.len()).collect(),
            id: id.and_then(|_| values.next().flatten()),
            source: source.and_then(|_| values.next().flatten()),
            text: values.next().flatten(),
        })
    }
}

/// Gives the value of a field to each key that it matches. Of several fields with one name, the last counts, as in most
/// readers.
fn take(wanted: &mut [Wanted], field: &str, value: Value) {
    // The last key gets the value itself, not a copy, because it may be long.
    let last = wanted.iter().rposition(|wanted| wanted.name == field);
    for (at, wanted) in wanted.iter_mut().enumerate() {
        let rank = match wanted.rank_of(field) {
            Some(rank) if rank <= wanted.rank && Some(at) != last => rank,
            _ => continue,
        };
        let found = match rank {
            WHOLE => Some(&value),
            _ => reach(&value, &wanted.name[rank..]),
        };
        if found.is_some() || rank == wanted.rank {
            (wanted.value, wanted.rank) = (found.cloned(), rank);
        }
    }
    if let Some(last) = last {
        (wanted[last].value, wanted[last].rank) = (Some(value), WHOLE);
    }
}

/// Returns the value at a path in `value`: the field with the whole name, or else the one at a split of it, the
/// shortest first part first.
fn reach<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(path).or_else(|| {
        path.match_indices('.')
            .find_map(|(dot, _)| reach(object.get(&path[..dot])?, &path[dot + 1..]))
    })
}

/// Reads the fields of `json`, which is one object.
pub fn read(json: &str, keys: &Keys) -> serde_json::Result<Fields> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = (&mut deserializer).deserialize_map(FieldsVisitor(keys))?;
    deserializer.end()?;
    Ok(fields)
}
