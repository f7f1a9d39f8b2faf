//! Jump tables: where in a suffix array the suffixes that begin with certain symbols stand.
//!
//! The bytes that occur in the text are numbered from 1 in their order; a number of some digits in that base is a
//! suffix's first bytes, 0 standing for what is behind the end. Entry k counts the suffixes whose digits are below k.
//! Text has some hundred different bytes, so three or more of them fit in a table of a few megabytes.

/// The table takes at most this share of the suffix array's bytes, but always one digit.
const SHARE: usize = 32;
/// 256 numbers of a byte each, in front of the entries.
const RANK_WORDS: usize = 64;

/// Make the table of the suffixes of `text` that begin at `positions`, which may come in any order.
pub fn jump_table(text: &[u8], positions: impl ExactSizeIterator<Item = usize>) -> Vec<u32> {
    let ranks = ranks_of(text);
    let base = base_of(&ranks);
    let most = positions.len() / SHARE;
    let mut width = 1;
    while base.pow(width + 1) <= most {
        width += 1;
    }
    let mut table = vec![0u32; RANK_WORDS + base.pow(width) + 1];
    let (head, entries) = table.split_at_mut(RANK_WORDS);
    bytemuck::cast_slice_mut::<u32, u8>(head).copy_from_slice(&ranks);
    for position in positions {
        let digit = |i: usize| {
            text.get(position + i)
                .map_or(0, |&byte| ranks[usize::from(byte)])
        };
        let key = (0..width as usize).fold(0, |key, i| key * base + usize::from(digit(i)));
        entries[key + 1] += 1;
    }
    let mut total = 0;
    for entry in entries {
        total += *entry;
        *entry = total;
    }
    table
}

/// For each byte how many of those that occur in the text are not greater: its number, if it occurs.
fn ranks_of(text: &[u8]) -> [u8; 256] {
    let mut occurs = [false; 256];
    for &byte in text {
        occurs[usize::from(byte)] = true;
    }
    let mut rank = 0;
    occurs.map(|occurs| {
        // UTF-8 and the separator leave 13 values unused: no overflow in a text that is what it should be.
        rank = u8::saturating_add(rank, u8::from(occurs));
        rank
    })
}

fn base_of(ranks: &[u8; 256]) -> usize {
    usize::from(ranks[255]) + 1
}

/// A jump table, e.g. in a memory map.
#[derive(Clone, Copy, Debug)]
pub struct JumpView<'a> {
    ranks: &'a [u8; 256],
    entries: &'a [u32],
    base: usize,
    /// Digits of a key.
    width: usize,
}

impl<'a> JumpView<'a> {
    /// None if the length is not that of any table.
    pub fn new(table: &'a [u32]) -> Option<Self> {
        let (head, entries) = table.split_at_checked(RANK_WORDS)?;
        let ranks: &[u8; 256] = bytemuck::cast_slice(head).try_into().ok()?;
        let base = base_of(ranks);
        let width = (1..=8).find(|&width| {
            base.checked_pow(width)
                .is_some_and(|keys| keys + 1 == entries.len())
        })?;
        Some(Self {
            ranks,
            entries,
            base,
            width: width as usize,
        })
    }

    /// The part of the suffix array in which the first suffix that is not less than `pattern` stands, or right behind it.
    pub fn bounds(&self, pattern: &[u8]) -> (usize, usize) {
        let mut key = 0;
        for i in 0..self.width {
            let Some(&byte) = pattern.get(i) else {
                let rest = self.base.pow((self.width - i) as u32);
                return (self.entry(key * rest), self.entry((key + 1) * rest));
            };
            let rank = usize::from(self.ranks[usize::from(byte)]);
            let occurs = byte == 0 && rank > 0
                || byte > 0 && rank > usize::from(self.ranks[usize::from(byte) - 1]);
            if !occurs {
                // Behind all suffixes that go on with a lesser byte.
                let rest = self.base.pow((self.width - i - 1) as u32);
                let place = self.entry((key * self.base + rank + 1) * rest);
                return (place, place);
            }
            key = key * self.base + rank;
        }
        (self.entry(key), self.entry(key + 1))
    }

    fn entry(&self, key: usize) -> usize {
        self.entries
            .get(key)
            .map_or(usize::MAX, |&entry| entry as usize)
    }
}
