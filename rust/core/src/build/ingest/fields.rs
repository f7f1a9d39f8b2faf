//! The fields of a record that make a document: found by name, or by a path of names into objects.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Names of the fields of a record. `a.b` is the field `a.b`, or else the field `b` of the object `a`.
#[derive(Clone, Debug)]
pub struct Keys {
    pub text: String,
    /// Field of the id; None: all records have their number for an id.
    pub id: Option<Key>,
    pub source: SourceName,
    /// Fields that make up the metadata; those a record lacks are left out.
    pub metadata: Vec<String>,
}

/// A field that records may have.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    /// Whether a record without the field is an error.
    pub required: bool,
}

/// Where the source of a document comes from.
#[derive(Clone, Debug)]
pub enum SourceName {
    /// The same for all.
    Fixed(String),
    /// A field of the record, or else what the file is called.
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

/// A name that is looked for, and what was found for it.
struct Wanted<'k> {
    name: &'k str,
    value: Option<Value>,
    /// Bytes of the name that the field's name is behind which the value was found, the whole name first: `a.b` is before
    /// `a`, then `b`.
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

    /// The rank of what a field of this name may hold.
    fn rank_of(&self, field: &str) -> Option<usize> {
        if self.name == field {
            return Some(WHOLE);
        }
        let rest = self.name.strip_prefix(field)?;
        rest.starts_with('.').then_some(field.len() + 1)
    }
}

/// Reads only what the keys ask for, and steps over the rest.
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

/// Give the value of a field to all that it is for. The last of several fields of one name counts, as in most readers.
fn take(wanted: &mut [Wanted], field: &str, value: Value) {
    // It gets the value itself, which may be long.
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

/// What a path leads to in `value`: a field of the whole name, or else one that a part of it leads to, the shortest first.
fn reach<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(path).or_else(|| {
        path.match_indices('.')
            .find_map(|(dot, _)| reach(object.get(&path[..dot])?, &path[dot + 1..]))
    })
}

/// Read the fields of the one object that `json` is.
pub fn read(json: &str, keys: &Keys) -> serde_json::Result<Fields> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = (&mut deserializer).deserialize_map(FieldsVisitor(keys))?;
    deserializer.end()?;
    Ok(fields)
}
