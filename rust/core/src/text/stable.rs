//! The characters that folding does not change, whatever comes before them.

use std::iter;
use std::sync::OnceLock;

use unicode_case_mapping::case_folded;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use unicode_normalization::{IsNormalized, is_nfkc_quick};

const PLANE: usize = 1 << 16;
const WORD: usize = u64::BITS as usize;

/// A set of characters. It has a bit for each character of the first plane, because looking each one up in Unicode's
/// tables makes folding several times slower.
pub struct StableCharacters {
    bits: Vec<u64>,
    case: bool,
}

impl StableCharacters {
    /// Returns the characters that NFKC does not change; with `case`, only those that case folding does not change either.
    pub fn of(case: bool) -> &'static Self {
        static TABLES: [OnceLock<StableCharacters>; 2] = [const { OnceLock::new() }; 2];
        TABLES[usize::from(case)].get_or_init(|| {
            let mut bits = vec![0; PLANE / WORD];
            for c in ('\0'..).take_while(|&c| (c as usize) < PLANE) {
                let at = c as usize;
                bits[at / WORD] |= u64::from(is_stable(c, case)) << (at % WORD);
            }
            Self { bits, case }
        })
    }

    pub fn contains(&self, c: char) -> bool {
        let at = c as usize;
        match self.bits.get(at / WORD) {
            Some(word) => word >> (at % WORD) & 1 == 1,
            None => is_stable(c, self.case),
        }
    }
}

fn is_stable(c: char, case: bool) -> bool {
    is_nfkc_quick(iter::once(c)) == IsNormalized::Yes
        && canonical_combining_class(c) == 0
        && !(case && has_case(c))
}

/// Returns whether case folding changes a character or a part of its decomposition.
fn has_case(c: char) -> bool {
    let mut has_case = c == 'ß';
    decompose_compatible(c, |part| has_case |= case_folded(part).is_some());
    has_case
}
