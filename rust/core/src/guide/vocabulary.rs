//! The bytes of a model's tokens.

/// The bytes of each token. Special tokens have none.
pub struct Vocabulary {
    bytes: Vec<u8>,
    /// Where each token starts, and the end.
    starts: Vec<usize>,
}

impl Vocabulary {
    pub fn new<'t>(tokens: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let (mut bytes, mut starts) = (Vec::new(), vec![0]);
        for token in tokens {
            bytes.extend_from_slice(token);
            starts.push(bytes.len());
        }
        Self { bytes, starts }
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of a token, or None if there is no such token.
    pub fn token(&self, id: i64) -> Option<&[u8]> {
        let id = usize::try_from(id).ok()?;
        let ends = self.starts.get(id..id.checked_add(2)?)?;
        self.bytes.get(ends[0]..ends[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_bytes_and_other_numbers_are_none() {
        let vocabulary = Vocabulary::new([&b"ab"[..], b"", b"c"]);
        assert_eq!(vocabulary.len(), 3);
        let found: Vec<_> = (-1..4).map(|id| vocabulary.token(id)).collect();
        assert_eq!(found, [None, Some(&b"ab"[..]), Some(b""), Some(b"c"), None]);
        assert_eq!(vocabulary.token(i64::MAX), None);
    }
}
