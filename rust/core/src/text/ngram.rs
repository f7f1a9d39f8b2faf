//! Hashes of character n-grams: every window of n code points of a text, stride 1.
//!
//! The hash of a window is a polynomial, modulo 2^64, over a mixed 64-bit value of each code point, so the hash of
//! the next window follows in constant time. A finaliser then spreads it over all bits. The hash depends on the code
//! points only, not on how or where the window was read.

use crate::error::{Error, Result};

/// Base of the polynomial. It is 3 modulo 8, so that its powers differ as much as possible in their low bits.
const BASE: u64 = 0x9E37_79B9_7F4A_7C13;
/// Seed of the values of code points. An index records it.
pub const SEED: u64 = 0x5175_6F74_6554_756E;
/// Characters hashed at a time: values and hashes of a chunk stay in the first-level cache.
const CHUNK: usize = 1024;
/// Bytes that are decoded together if they are all ASCII.
const BLOCK: usize = 128;

/// Returns how many windows of `n` characters a text of `characters` characters has.
pub fn windows_of(characters: usize, n: usize) -> usize {
    (characters + 1).saturating_sub(n)
}

/// Hashes every window of `n` code points. The hashes are final: their high and low bits are equally good.
///
/// ```
/// use quotetune_core::text::ngram::NgramHasher;
/// let mut hashes = Vec::new();
/// NgramHasher::new(3).extend_hashes("abcabc", &mut hashes);
/// assert_eq!(hashes.len(), 4);
/// assert_eq!(hashes[0], hashes[3]);
/// ```
#[derive(Clone, Debug)]
pub struct NgramHasher {
    n: usize,
    /// BASE^(n-1), the factor that a window's first value has been multiplied by.
    leaving_factor: u64,
    latin: Box<[u64; 256]>,
}

impl NgramHasher {
    /// Changes when a hash changes. An index records it.
    pub const VERSION: u32 = 1;
    /// The longest window, in characters.
    pub const MAX_N: usize = 64;

    /// Creates a hasher for windows of `n` characters, from 1 to `MAX_N`.
    ///
    /// # Panics
    /// If `n` is out of range.
    pub fn new(n: usize) -> Self {
        assert!((1..=Self::MAX_N).contains(&n), "n-grams of {n} characters");
        let mut latin = Box::new([0; 256]);
        for (code_point, value) in latin.iter_mut().enumerate() {
            *value = value_of(code_point as u32);
        }
        Self {
            n,
            leaving_factor: BASE.wrapping_pow(n as u32 - 1),
            latin,
        }
    }

    /// Returns `n` as the length of a window, or an error if no window can have that length.
    pub fn checked_n(n: i64) -> Result<usize> {
        let found = usize::try_from(n).ok();
        found
            .filter(|n| (1..=Self::MAX_N).contains(n))
            .ok_or_else(|| Error::Usage(format!("n is {n}; choose one from 1 to {}", Self::MAX_N)))
    }

    /// Characters per window.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Calls `sink` with the hashes of the windows of `text`, in order, about a thousand at a time.
    pub fn for_each_chunk(&self, text: &str, mut sink: impl FnMut(&[u64])) {
        let room = text.len().min(CHUNK + self.n + BLOCK);
        let mut values = Vec::with_capacity(room);
        let mut hashes = Vec::with_capacity(room);
        let mut rest = text;
        while !rest.is_empty() {
            while !rest.is_empty() && values.len() < CHUNK + self.n {
                let (block, after) = rest.split_at(block_length(rest));
                self.push_values(block, &mut values);
                rest = after;
            }
            if values.len() >= self.n {
                let windows = values.len() - self.n + 1;
                hashes.resize(windows, 0);
                self.roll(&values, &mut hashes);
                finalise(&mut hashes);
                sink(&hashes);
                values.drain(..windows);
            }
        }
    }

    /// Appends the hash of every window of `text` to `hashes`: max(0, L - n + 1) hashes for L characters.
    pub fn extend_hashes(&self, text: &str, hashes: &mut Vec<u64>) {
        self.for_each_chunk(text, |chunk| hashes.extend_from_slice(chunk));
    }

    fn push_values(&self, block: &str, values: &mut Vec<u64>) {
        if block.is_ascii() {
            values.extend(block.bytes().map(|byte| self.latin[usize::from(byte)]));
        } else {
            values.extend(block.chars().map(|c| match self.latin.get(c as usize) {
                Some(&value) => value,
                None => value_of(c as u32),
            }));
        }
    }

    /// Computes the polynomial hashes of the windows of `values`, before the finaliser.
    fn roll(&self, values: &[u64], hashes: &mut [u64]) {
        // Each step waits for the multiplication of the one before it, so four stretches are rolled interleaved.
        let quarter = hashes.len() / 4;
        let (first, rest) = hashes.split_at_mut(quarter);
        let (second, rest) = rest.split_at_mut(quarter);
        let (third, last) = rest.split_at_mut(quarter);
        let mut a = Roll::new(self, values, quarter);
        let mut b = Roll::new(self, &values[quarter..], quarter);
        let mut c = Roll::new(self, &values[2 * quarter..], quarter);
        let mut d = Roll::new(self, &values[3 * quarter..], last.len());
        for (i, ((first, second), third)) in first.iter_mut().zip(second).zip(third).enumerate() {
            *first = a.next(i);
            *second = b.next(i);
            *third = c.next(i);
            last[i] = d.next(i);
        }
        for (i, hash) in last.iter_mut().enumerate().skip(quarter) {
            *hash = d.next(i);
        }
    }
}

/// The rolling state over consecutive windows.
struct Roll<'v> {
    entering: &'v [u64],
    leaving: &'v [u64],
    leaving_factor: u64,
    /// Polynomial of the next window without its last character.
    state: u64,
}

impl<'v> Roll<'v> {
    fn new(hasher: &NgramHasher, values: &'v [u64], windows: usize) -> Self {
        let (head, entering) = values.split_at(hasher.n - 1);
        let state = head.iter().fold(0u64, |state, &value| {
            state.wrapping_mul(BASE).wrapping_add(value)
        });
        Self {
            entering: &entering[..windows],
            leaving: &values[..windows],
            leaving_factor: hasher.leaving_factor,
            state,
        }
    }

    /// Returns the polynomial of window `i`. Windows must be asked for in order.
    #[inline(always)]
    fn next(&mut self, i: usize) -> u64 {
        let hash = self.state.wrapping_mul(BASE).wrapping_add(self.entering[i]);
        let left = self.leaving[i].wrapping_mul(self.leaving_factor);
        self.state = hash.wrapping_sub(left);
        hash
    }
}

/// Spreads each polynomial over all 64 bits, with the widest multiplications this processor has.
fn finalise(hashes: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
    {
        // SAFETY: the processor has these features; `every_vector_width_gives_the_same_hashes` runs this path.
        unsafe { finalise_avx512(hashes) };
        return;
    }
    finalise_portable(hashes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn finalise_avx512(hashes: &mut [u64]) {
    finalise_portable(hashes);
}

#[inline(always)]
fn finalise_portable(hashes: &mut [u64]) {
    const FACTOR: u64 = 0xD6E8_FEB8_6659_FD93;
    for hash in hashes {
        let mut mixed = (*hash ^ (*hash >> 32)).wrapping_mul(FACTOR);
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(FACTOR);
        *hash = mixed ^ (mixed >> 32);
    }
}

/// Returns the length of the next block of `text`: at most `BLOCK` bytes, up to a character boundary.
fn block_length(text: &str) -> usize {
    let mut length = text.len().min(BLOCK);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    length
}

/// Returns the 64-bit value of a code point (SplitMix64's finaliser; Steele et al. 2014).
fn value_of(code_point: u32) -> u64 {
    let mut value = SEED.wrapping_add(u64::from(code_point).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_width_gives_the_same_hashes() {
        let numbers: Vec<u64> = (0..1000u32).map(|i| value_of(i) ^ u64::from(i)).collect();
        let (mut portable, mut fastest) = (numbers.clone(), numbers);
        finalise_portable(&mut portable);
        finalise(&mut fastest);
        assert_eq!(portable, fastest);
    }
}
