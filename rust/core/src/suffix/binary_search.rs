//! Binary searches of a suffix array, one step at a time, so that many go on side by side and wait for memory together.

/// One search, for where the suffixes that begin with a pattern begin or end.
pub struct BinarySearch<'p> {
    pattern: &'p [u8],
    /// Whether to find the end of the suffixes that begin with the pattern.
    end: bool,
    low: usize,
    high: usize,
    /// Bytes that the suffixes at both bounds share with the pattern: every suffix between shares the fewer of them.
    low_shared: usize,
    high_shared: usize,
}

impl<'p> BinarySearch<'p> {
    /// The place to be found is within `bounds`, or right behind them.
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

    /// The suffix to look at next; none when the place is found.
    pub fn probe(&self) -> Option<usize> {
        (self.low < self.high).then(|| self.low + (self.high - self.low) / 2)
    }

    /// The two suffixes one of which is looked at after the next.
    pub fn probes_after(&self) -> [usize; 2] {
        let (low, high) = (self.low, self.high);
        let middle = low + (high - low) / 2;
        [
            low + (middle - low) / 2,
            middle + 1 + high.saturating_sub(middle + 1) / 2,
        ]
    }

    /// Where the search has come to.
    pub fn place(&self) -> usize {
        self.low
    }

    /// Go on after a look at the suffix that was next.
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

    /// Bytes that the suffix to look at next is known to share with the pattern.
    pub fn known(&self) -> usize {
        self.low_shared.min(self.high_shared)
    }
}

/// Length of the common prefix of `a` and `b`, which are known to share `known` bytes.
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
