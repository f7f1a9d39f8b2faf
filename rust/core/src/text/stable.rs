//! Characters that folding leaves as they are, whatever comes before them: most of those of most texts.

use std::iter;
use std::sync::OnceLock;

use unicode_case_mapping::case_folded;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use unicode_normalization::{IsNormalized, is_nfkc_quick};

const PLANE: usize = 1 << 16;
const WORD: usize = u64::BITS as usize;

/// A bit for each character of the first plane, since three look-ups for each take ten times as long as all the rest.
pub struct StableCharacters {
    bits: Vec<u64>,
    case: bool,
}

impl StableCharacters {
    /// Those that NFKC leaves as they are, and with `case` those of them that case folding does.
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

/// Whether a character or a part of it has another case.
fn has_case(c: char) -> bool {
    let mut has_case = c == 'ß';
    decompose_compatible(c, |part| has_case |= case_folded(part).is_some());
    has_case
}
