//! The suffix index against sorted suffixes and scans of the text.

use proptest::prelude::*;
use quotetune_core::memory::side_by_side::alone;
use quotetune_core::suffix::array::suffix_array;
use quotetune_core::suffix::jump::jump_table;
use quotetune_core::suffix::view::SuffixView;

struct Segment {
    text: Vec<u8>,
    sa: Vec<u32>,
    jump: Vec<u32>,
}

impl Segment {
    fn new(text: Vec<u8>) -> Self {
        let (sa, jump) = (
            suffix_array(&text).to_vec(),
            jump_table(&text, 0..text.len()),
        );
        Self { text, sa, jump }
    }

    fn view(&self) -> SuffixView<'_> {
        SuffixView::new(&self.text, &self.sa, &self.jump).unwrap()
    }
}

fn starts_of(pattern: &[u8], text: &[u8]) -> Vec<u32> {
    let starts = (0..text.len()).filter(|&start| text[start..].starts_with(pattern));
    starts.map(|start| start as u32).collect()
}

fn check(segment: &Segment, pattern: &[u8]) {
    check_view(segment, segment.view(), pattern);
    check_view(segment, segment.view().asking(), pattern);
}

fn check_view(segment: &Segment, view: SuffixView<'_>, pattern: &[u8]) {
    let mut found = view.positions(alone(view.interval(pattern))).to_vec();
    found.sort_unstable();
    assert_eq!(found, starts_of(pattern, &segment.text), "{pattern:?}");
    // More patterns than are in flight at once.
    let prefixes: Vec<&[u8]> = (1..=pattern.len())
        .map(|length| &pattern[..length])
        .collect();
    let patterns = prefixes.repeat(9);
    let occurrences = |prefix: &&[u8]| starts_of(prefix, &segment.text).len();
    let expected: Vec<usize> = patterns.iter().map(occurrences).collect();
    assert_eq!(view.counts(&patterns), expected, "{pattern:?}");
    assert_eq!(
        alone(view.contains(pattern)),
        !found.is_empty() || pattern.is_empty()
    );
    let longest = (0..=pattern.len()).rfind(|&length| {
        length == 0
            || segment
                .text
                .windows(length)
                .any(|window| window == &pattern[..length])
    });
    assert_eq!(
        Some(alone(view.longest_prefix(pattern))),
        longest,
        "{pattern:?}"
    );
}

/// Texts of bytes at both ends of the order and two in the middle.
fn bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(
        proptest::sample::select(vec![0u8, 1, b'a', b'b', 0xC3, 0xFE, 0xFF]),
        length,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_suffix_array_sorts_all_suffixes(text in bytes(0..200)) {
        let mut sorted: Vec<u32> = (0..text.len() as u32).collect();
        sorted.sort_by_key(|&start| &text[start as usize..]);
        prop_assert_eq!(suffix_array(&text).to_vec(), sorted);
    }

    #[test]
    fn searches_find_what_a_scan_finds(text in bytes(0..60), pattern in bytes(0..8)) {
        check(&Segment::new(text), &pattern);
    }

    #[test]
    fn pieces_of_the_text_are_found(text in bytes(1..60), from in 0usize..60, length in 0usize..30, tail in bytes(0..3)) {
        let from = from % text.len();
        let mut pattern = text[from..(from + length).min(text.len())].to_vec();
        pattern.extend(tail);
        check(&Segment::new(text), &pattern);
    }

    #[test]
    fn corrupt_arrays_give_wrong_answers_but_no_panic(
        text in bytes(0..40),
        garbage in proptest::collection::vec(any::<u32>(), 300),
        small in proptest::collection::vec(0u32..50, 300),
        pattern in bytes(0..8),
    ) {
        for numbers in [garbage, small] {
            let (jump, rest) = numbers.split_at(260);
            // A table of the length that this base gives, with arbitrary ranks.
            let base = (jump[63] >> 24) as usize + 1;
            let jump = &[jump, &vec![7; 64 + base + 1]].concat()[..64 + base + 1];
            let view = SuffixView::new(&text, &rest[..text.len()], jump).unwrap();
            let _ = alone(view.longest_prefix(&pattern));
            let _ = alone(view.contains(&pattern));
            let _ = view.positions(alone(view.interval(&pattern)));
            let _ = view.counts(&[&pattern]);
        }
    }
}

#[test]
fn jump_tables_of_several_digits_search_as_well() {
    // Words over a few bytes, at whose end suffixes are shorter than a key. The table has one entry per 32 suffixes.
    for (length, width) in [(100, 1), (0x1_0000, 4), (0x100_0000, 7)] {
        let byte = |i: usize| b"\0ab\xC3\xFF"[(i * i + (i >> 3)) % 5];
        let segment = Segment::new((0..length).map(byte).collect());
        assert_eq!(segment.jump.len(), 64 + 6usize.pow(width) + 1);
        let view = segment.view();
        let end = &segment.text[length - 4..];
        let patterns = [
            &end[3..],
            &end[2..],
            &end[1..],
            end,
            b"\0\0",
            b"\xFF\xFF\xFF\xFF",
            b"zz",
        ];
        let counts = view.counts(&patterns);
        for (pattern, count) in patterns.into_iter().zip(counts) {
            let found = alone(view.interval(pattern));
            assert_eq!(found.len(), count, "{pattern:?}");
            let occurrences = segment.text.windows(pattern.len());
            let occurrences = occurrences.filter(|&window| window == pattern).count();
            assert_eq!(found.len(), occurrences, "{pattern:?}");
            let starts = view.positions(found).iter().map(|&start| start as usize);
            assert!(
                starts
                    .step_by(101)
                    .all(|start| segment.text[start..].starts_with(pattern))
            );
        }
        let quote = segment.text[length / 3..length / 3 + 50].to_vec();
        assert!(alone(view.contains(&quote)));
        assert_eq!(
            alone(view.longest_prefix(&[&quote[..], b"not in the text"].concat())),
            50
        );
    }
}

#[test]
fn overlapping_occurrences_count() {
    let segment = Segment::new(vec![b'a'; 1000]);
    for length in 1..=1000 {
        assert_eq!(
            alone(segment.view().interval(&vec![b'a'; length])).len(),
            1001 - length
        );
    }
    assert_eq!(
        alone(segment.view().longest_prefix(&vec![b'a'; 2000])),
        1000
    );
}

#[test]
fn queries_before_the_first_and_after_the_last_suffix_are_not_found() {
    let segment = Segment::new(b"mno".to_vec());
    for pattern in [&b"\0"[..], b"a", b"z", b"\xFF", b"mnop", b"mnm"] {
        check(&segment, pattern);
    }
}

#[test]
fn an_empty_text_holds_nothing() {
    let segment = Segment::new(Vec::new());
    assert_eq!(alone(segment.view().longest_prefix(b"a")), 0);
    assert!(alone(segment.view().interval(b"a")).is_empty());
}

#[test]
fn arrays_that_do_not_fit_the_text_are_refused() {
    let segment = Segment::new(b"text".to_vec());
    assert!(SuffixView::new(b"texts", &segment.sa, &segment.jump).is_none());
    assert!(SuffixView::new(&segment.text, &segment.sa, &segment.jump[1..]).is_none());
}
