//! The stretches of a document that texts cover whose starts are known.

/// A stretch of a text, in characters and in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    pub bytes: (usize, usize),
}

/// Returns the stretches of `text` that others cover, in order. `length_at` returns the characters of the longest of
/// these that starts at a byte. Those that overlap or touch are in one stretch.
pub fn stretches(text: &str, length_at: impl Fn(usize) -> Option<usize>) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    // The stretch at the scan. Where it ends in bytes is known when the scan gets there.
    let mut open: Option<Stretch> = None;
    let closed = |stretch: Stretch, byte| Stretch {
        bytes: (stretch.bytes.0, byte),
        ..stretch
    };
    for (char, (byte, _)) in text.char_indices().enumerate() {
        let length = length_at(byte);
        if let Some(stretch) = open.filter(|stretch| stretch.end == char && length.is_none()) {
            found.push(closed(stretch, byte));
            open = None;
        }
        if let Some(length) = length {
            let stretch = open.get_or_insert(Stretch {
                start: char,
                end: char,
                bytes: (byte, byte),
            });
            stretch.end = stretch.end.max(char + length);
        }
    }
    found.extend(open.map(|stretch| closed(stretch, text.len())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stretches_are_the_runs_of_covered_characters(
            text in "[aé漢]{0,20}",
            lengths in prop::collection::vec(prop::option::of(1..6usize), 20),
        ) {
            let bytes: Vec<usize> = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
            let count = bytes.len() - 1;
            // No text goes beyond the end.
            let length = |char: usize| lengths[char].map(|length| length.min(count - char));
            let covered: Vec<bool> = (0..count)
                .map(|at| (0..=at).any(|char| length(char).is_some_and(|length| at < char + length)))
                .collect();
            let mut expected: Vec<Stretch> = Vec::new();
            for at in (0..count).filter(|&at| covered[at]) {
                match expected.last_mut() {
                    Some(last) if last.end == at => (last.end, last.bytes.1) = (at + 1, bytes[at + 1]),
                    _ => expected.push(Stretch { start: at, end: at + 1, bytes: (bytes[at], bytes[at + 1]) }),
                }
            }
            let length_at = |byte| length(bytes.iter().position(|&start| start == byte).unwrap());
            prop_assert_eq!(stretches(&text, length_at), expected);
        }
    }
}
