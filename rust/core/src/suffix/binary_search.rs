//! Binary searches of a suffix array that advance one step at a time, so that many can be interleaved and wait for
//! memory together.

/// One search, for the start or the end of the suffixes that start with a pattern.
pub struct BinarySearch<'p> {
    pattern: &'p [u8],
    /// Whether to find the end of the suffixes that start with the pattern.
    end: bool,
    low: usize,
    high: usize,
    /// Bytes that the suffixes at the two bounds share with the pattern. Every suffix between them shares at least
    /// the smaller number.
    low_shared: usize,
    high_shared: usize,
}

impl<'p> BinarySearch<'p> {
    /// Starts a search. The place to find is within `bounds`, or right after them.
    pub fn new(pattern: &'p [u8], end: bool, (low, high): (usize, usize)) -> Self {
        Self {
            pattern,
            end,
            low,
            high,
            low_shared: 0,
            high_shared: 0,
        }
    }

    /// Returns the suffix to look at next, or None once the place is found.
    pub fn probe(&self) -> Option<usize> {
        (self.low < self.high).then(|| self.low + (self.high - self.low) / 2)
    }

    /// Returns the number of suffixes among which the place is.
    pub fn remaining(&self) -> usize {
        self.high - self.low
    }

    /// Returns the two suffixes of which one will be looked at after the next.
    pub fn probes_after(&self) -> [usize; 2] {
        let (low, high) = (self.low, self.high);
        let middle = low + (high - low) / 2;
        [
            low + (middle - low) / 2,
            middle + 1 + high.saturating_sub(middle + 1) / 2,
        ]
    }

    /// Returns the place that the search has reached.
    pub fn place(&self) -> usize {
        self.low
    }

    /// Continues the search with the suffix that was next.
    pub fn compare(&mut self, suffix: &[u8]) {
        let Some(middle) = self.probe() else {
            return;
        };
        let shared = common_prefix(suffix, self.pattern, self.known());
        let before = match shared == self.pattern.len() {
            true => self.end,
            false => suffix.get(shared) < self.pattern.get(shared),
        };
        if before {
            (self.low, self.low_shared) = (middle + 1, shared);
        } else {
            (self.high, self.high_shared) = (middle, shared);
        }
    }

    /// Returns the bytes that the next suffix is known to share with the pattern.
    pub fn known(&self) -> usize {
        self.low_shared.min(self.high_shared)
    }
}

/// Returns the length of the common prefix of `a` and `b`, which are known to share `known` bytes.
#[inline]
pub(crate) fn common_prefix(a: &[u8], b: &[u8], known: usize) -> usize {
    let length = a.len().min(b.len());
    let mut shared = known;
    while shared + 8 <= length {
        let word = |bytes: &[u8]| {
            u64::from_le_bytes(bytes[shared..shared + 8].try_into().expect("8 bytes"))
        };
        let difference = word(a) ^ word(b);
        if difference != 0 {
            return shared + difference.trailing_zeros() as usize / 8;
        }
        shared += 8;
    }
    while shared < length && a[shared] == b[shared] {
        shared += 1;
    }
    shared
}
