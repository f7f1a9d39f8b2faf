//! Jump tables: the place in a suffix array of the suffixes that start with certain symbols.
//!
//! The bytes that occur in the text are numbered from 1 in ascending order. The first bytes of a suffix are then the
//! digits of a number in that base, with 0 for positions after the end. Entry k counts the suffixes whose number is
//! below k. Text has about a hundred different bytes, so three or more digits fit in a table of a few megabytes.

use crate::memory::cold::ask_for;

/// Divisor of the suffix array's size that limits the table, which has one digit or more in any case.
const SHARE: usize = 32;
/// Most digits of a key.
const MAX_WIDTH: u32 = 8;
/// 256 one-byte numbers before the entries.
const RANK_WORDS: usize = 64;

/// Makes the table of the suffixes of `text` that start at `positions`, in any order.
pub fn jump_table(text: &[u8], positions: impl ExactSizeIterator<Item = usize>) -> Vec<u32> {
    let mut table = EmptyTable::new(text, positions.len());
    for position in positions {
        let key = table.key(text.get(position..).unwrap_or_default());
        table.count(key);
    }
    table.finish()
}

/// Makes the table of all suffixes. The key of each follows from the key of the one before.
pub fn jump_table_of_all(text: &[u8]) -> Vec<u32> {
    let mut table = EmptyTable::new(text, text.len());
    let leading = table.base.pow(table.width - 1);
    let mut key = table.key(text);
    for (position, &leaving) in text.iter().enumerate() {
        table.count(key);
        let entering = text.get(position + table.width as usize);
        let entering = entering.map_or(0, |&byte| table.digit(byte));
        key = (key - table.digit(leaving) * leading) * table.base + entering;
    }
    table.finish()
}

/// Returns the entries of the table of a text with `distinct_bytes` different bytes.
pub fn entries_for(distinct_bytes: usize, suffixes: usize) -> usize {
    let base = distinct_bytes + 1;
    RANK_WORDS + base.pow(width_for(base, suffixes)) + 1
}

/// Returns the digits of a key.
fn width_for(base: usize, suffixes: usize) -> u32 {
    let most = suffixes / SHARE;
    let mut width = 1;
    while width < MAX_WIDTH && base.pow(width + 1) <= most {
        width += 1;
    }
    width
}

/// A table whose entries are not yet summed up.
struct EmptyTable {
    ranks: [u8; 256],
    base: usize,
    width: u32,
    table: Vec<u32>,
}

impl EmptyTable {
    fn new(text: &[u8], suffixes: usize) -> Self {
        let ranks = ranks_of(text);
        let base = base_of(&ranks);
        let width = width_for(base, suffixes);
        let mut table = vec![0u32; RANK_WORDS + base.pow(width) + 1];
        bytemuck::cast_slice_mut::<u32, u8>(&mut table[..RANK_WORDS]).copy_from_slice(&ranks);
        Self {
            ranks,
            base,
            width,
            table,
        }
    }

    #[inline(always)]
    fn digit(&self, byte: u8) -> usize {
        usize::from(self.ranks[usize::from(byte)])
    }

    /// Returns the key of a suffix.
    fn key(&self, suffix: &[u8]) -> usize {
        let digit = |i| suffix.get(i).map_or(0, |&byte| self.digit(byte));
        (0..self.width as usize).fold(0, |key, i| key * self.base + digit(i))
    }

    #[inline(always)]
    fn count(&mut self, key: usize) {
        self.table[RANK_WORDS + key + 1] += 1;
    }

    fn finish(mut self) -> Vec<u32> {
        let mut total = 0;
        for entry in &mut self.table[RANK_WORDS..] {
            total += *entry;
            *entry = total;
        }
        self.table
    }
}

/// Returns, for each byte, how many bytes that occur in the text are not greater: its number, if it occurs.
fn ranks_of(text: &[u8]) -> [u8; 256] {
    let mut occurs = [false; 256];
    for &byte in text {
        occurs[usize::from(byte)] = true;
    }
    let mut rank = 0;
    occurs.map(|occurs| {
        // UTF-8 and the separator leave 13 values unused, so a valid text does not overflow.
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
    /// Returns None if no table has this length.
    pub fn new(table: &'a [u32]) -> Option<Self> {
        let (head, entries) = table.split_at_checked(RANK_WORDS)?;
        let ranks: &[u8; 256] = bytemuck::cast_slice(head).try_into().ok()?;
        let base = base_of(ranks);
        let width = (1..=MAX_WIDTH).find(|&width| {
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

    /// Returns the length in bytes of the strings that the table tells apart.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the part of the suffix array that contains the first suffix not less than `pattern`, or ends right
    /// before it.
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
                // After all suffixes that continue with a smaller byte.
                let rest = self.base.pow((self.width - i - 1) as u32);
                let place = self.entry((key * self.base + rank + 1) * rest);
                return (place, place);
            }
            key = key * self.base + rank;
        }
        (self.entry(key), self.entry(key + 1))
    }

    /// Asks for the page that `bounds` reads, unless it is in memory.
    pub fn ask_for(&self, pattern: &[u8]) {
        let digit = |i| {
            let byte = pattern.get(i);
            byte.map_or(0, |&byte| usize::from(self.ranks[usize::from(byte)]))
        };
        let key = (0..self.width).fold(0, |key, i| key * self.base + digit(i));
        ask_for(self.entries, key);
    }

    fn entry(&self, key: usize) -> usize {
        self.entries
            .get(key)
            .map_or(usize::MAX, |&entry| entry as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_all_suffixes_is_that_of_their_positions() {
        let texts = [
            &b""[..],
            b"a",
            b"ab",
            b"banana\xFFbandana\xFF",
            &[0, 255, 0, 0, 7],
        ];
        let long = b"to be or not to be, that is the question\xFF".repeat(3000);
        for text in texts.into_iter().chain([&long[..]]) {
            assert_eq!(jump_table_of_all(text), jump_table(text, 0..text.len()));
        }
    }

    #[test]
    fn few_letters_make_no_longer_key_than_is_read() {
        // Three digits are in use; with nine of them the table would still be small enough.
        let text = b"a\xFF".repeat(3usize.pow(9) * SHARE / 2);
        assert!(JumpView::new(&jump_table_of_all(&text)).is_some());
    }
}
