//! MurmurHash64A (Appleby, public domain) of every window of a text.

/// Seed of the first of RedisBloom's two hashes. The first hash is the seed of the second.
pub const SEED: u64 = 0xC6A4_A793_5BD1_E995;
const FACTOR: u64 = 0xC6A4_A793_5BD1_E995;
const SHIFT: u32 = 47;
/// Windows hashed at a time.
const CHUNK: usize = 256;

/// Returns MurmurHash64A of `bytes`.
///
/// ```
/// assert_eq!(quotetune_core::filter::redis_bloom::murmur::murmur_hash_64a(b"", 0), 0);
/// ```
pub fn murmur_hash_64a(bytes: &[u8], seed: u64) -> u64 {
    let (words, tail) = bytes.as_chunks();
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    for &word in words {
        hash = (hash ^ mixed(u64::from_le_bytes(word))).wrapping_mul(FACTOR);
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    finished(hash)
}

#[inline(always)]
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_mul(FACTOR);
    (word ^ (word >> SHIFT)).wrapping_mul(FACTOR)
}

#[inline(always)]
fn finished(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> SHIFT)).wrapping_mul(FACTOR);
    hash ^ (hash >> SHIFT)
}

/// The two hashes of each window in a run of windows.
#[derive(Default)]
pub struct WindowHashes {
    pub first: Vec<u64>,
    pub second: Vec<u64>,
    /// The text of the windows, followed by zeros.
    bytes: Vec<u8>,
    /// The eight bytes at each position as a number, and the same number after the hash's first mixing step.
    words: Vec<u64>,
    mixed: Vec<u64>,
}

impl WindowHashes {
    /// Calls `sink` with the hashes of all windows of `n` characters of `text`, in order, a few hundred at a time.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn for_each_chunk(text: &str, n: usize, mut sink: impl FnMut(&mut Self)) {
        assert!(n > 0, "a window has at least one character");
        let mut hashes = Self::default();
        let mut rest = text;
        loop {
            let ascii = &rest.as_bytes()[..rest.len().min(CHUNK + n - 1)];
            let advanced = if ascii.is_ascii() {
                hashes.hash_ascii(ascii, n)
            } else {
                hashes.hash_characters(rest, n)
            };
            if advanced == 0 {
                return;
            }
            sink(&mut hashes);
            rest = &rest[advanced..];
        }
    }

    /// Hashes every window of the first characters of `text`. Returns the bytes before the next window.
    fn hash_characters(&mut self, text: &str, n: usize) -> usize {
        let starts = text.char_indices().map(|(start, _)| start);
        let starts: Vec<usize> = starts.chain([text.len()]).take(CHUNK + n).collect();
        self.first.clear();
        self.second.clear();
        for (start, end) in starts.iter().zip(starts.iter().skip(n)) {
            let window = &text.as_bytes()[*start..*end];
            let first = murmur_hash_64a(window, SEED);
            self.first.push(first);
            self.second.push(murmur_hash_64a(window, first));
        }
        starts[self.first.len()]
    }

    /// Does the same for text of one byte per character. All windows have the same length, so each step of the hash
    /// runs for all of them together, and the mixed text is computed once per position, not once per window.
    fn hash_ascii(&mut self, text: &[u8], n: usize) -> usize {
        let Some(windows) = (text.len() + 1)
            .checked_sub(n)
            .filter(|&windows| windows > 0)
        else {
            return 0;
        };
        self.bytes.clear();
        self.bytes.extend_from_slice(text);
        self.bytes.resize(text.len() + 8, 0);
        self.words.clear();
        let eight = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        self.words.extend(self.bytes.windows(8).map(eight));
        self.mixed.resize(self.words.len(), 0);
        self.first.clear();
        self.first.resize(windows, SEED);
        self.second.resize(windows, 0);
        self.hash_words(n);
        windows
    }

    fn hash_words(&mut self, n: usize) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512dq")
        {
            // SAFETY: the processor has these features; `every_vector_width_gives_the_same_hashes` runs this path.
            unsafe { self.hash_words_avx512(n) };
            return;
        }
        self.hash_words_portable(n);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn hash_words_avx512(&mut self, n: usize) {
        self.hash_words_portable(n);
    }

    #[inline(always)]
    fn hash_words_portable(&mut self, n: usize) {
        for (mixed_word, &word) in self.mixed.iter_mut().zip(&self.words) {
            *mixed_word = mixed(word);
        }
        take_in(&mut self.first, &self.words, &self.mixed, n);
        self.second.copy_from_slice(&self.first);
        take_in(&mut self.second, &self.words, &self.mixed, n);
    }
}

/// Turns the seed of each window into its hash; `words` as in [`WindowHashes`].
#[inline(always)]
fn take_in(hashes: &mut [u64], words: &[u64], mixed: &[u64], n: usize) {
    let (whole, rest) = (n / 8 * 8, n % 8);
    let length = (n as u64).wrapping_mul(FACTOR);
    for hash in &mut *hashes {
        *hash ^= length;
    }
    for offset in (0..whole).step_by(8) {
        for (hash, word) in hashes.iter_mut().zip(&mixed[offset..]) {
            *hash = (*hash ^ word).wrapping_mul(FACTOR);
        }
    }
    if rest > 0 {
        let mask = (1u64 << (8 * rest)) - 1;
        for (hash, word) in hashes.iter_mut().zip(&words[whole..]) {
            *hash = (*hash ^ (word & mask)).wrapping_mul(FACTOR);
        }
    }
    for hash in hashes {
        *hash = finished(*hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows the definition, one window after the other.
    fn naive(text: &str, n: usize) -> Vec<(u64, u64)> {
        let characters: Vec<char> = text.chars().collect();
        let windows = characters.windows(n).map(|window| {
            let window: String = window.iter().collect();
            let first = murmur_hash_64a(window.as_bytes(), SEED);
            (first, murmur_hash_64a(window.as_bytes(), first))
        });
        windows.collect()
    }

    fn chunked(text: &str, n: usize) -> Vec<(u64, u64)> {
        let mut pairs = Vec::new();
        WindowHashes::for_each_chunk(text, n, |hashes| {
            pairs.extend(
                hashes
                    .first
                    .iter()
                    .copied()
                    .zip(hashes.second.iter().copied()),
            );
        });
        pairs
    }

    #[test]
    fn windows_hash_as_their_bytes_do_one_by_one() {
        let ascii: String = (0..1500u32)
            .map(|i| char::from(b' ' + (i * i % 95) as u8))
            .collect();
        let late = format!("{ascii}é東{ascii}");
        for n in [1, 7, 8, 9, 16, 25, 64] {
            for length in [
                0,
                1,
                n - 1,
                n,
                n + 1,
                CHUNK + n - 1,
                CHUNK + n,
                2 * CHUNK + n,
                1500,
            ] {
                let text = &ascii[..length];
                assert_eq!(chunked(text, n), naive(text, n), "{n} of {length}");
            }
            assert_eq!(chunked(&late, n), naive(&late, n), "{n}");
            assert_eq!(
                chunked("naïve 東京 🦀", n),
                naive("naïve 東京 🦀", n),
                "{n}"
            );
        }
    }

    #[test]
    fn every_vector_width_gives_the_same_hashes() {
        let text: Vec<u8> = (0..CHUNK + 24).map(|i| (i * 7 % 128) as u8).collect();
        let mut hashes = WindowHashes::default();
        hashes.hash_ascii(&text, 25);
        let fastest = (hashes.first.clone(), hashes.second.clone());
        hashes.first.fill(SEED);
        hashes.hash_words_portable(25);
        assert_eq!(fastest, (hashes.first, hashes.second));
    }
}
