//! Squash against its definition: three passes of replacements and a strip, written as such.

use proptest::prelude::*;
use quotetune_core::text::squash::Normalization;

/// The characters for which Python's `str.isspace` is true.
const WHITE_SPACE: &str = "\u{9}\u{A}\u{B}\u{C}\u{D}\u{1C}\u{1D}\u{1E}\u{1F}\u{20}\u{85}\u{A0}\u{1680}\u{2000}\u{2001}\
    \u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}";

fn is_white(c: char) -> bool {
    WHITE_SPACE.contains(c)
}

/// Replaces every maximal run of characters that `belongs` accepts.
fn replace_runs(text: &[char], belongs: impl Fn(char) -> bool, replacement: char) -> Vec<char> {
    let mut out = Vec::new();
    for run in text.chunk_by(|&a, &b| belongs(a) && belongs(b)) {
        out.push(if belongs(run[0]) { replacement } else { run[0] });
    }
    out
}

fn squash_in_passes(text: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let text = replace_runs(&text, |c| c == '\r' || c == '\n', '\n');
    let text = replace_runs(&text, |c| is_white(c) && c != '\n', ' ');
    let mut out = String::new();
    let mut at = 0;
    while at < text.len() {
        out.push(text[at]);
        let loses_next = text[at] == '\n' && text.get(at + 1).is_some_and(|&c| is_white(c));
        at += if loses_next { 2 } else { 1 };
    }
    out.trim_matches(is_white).to_owned()
}

/// Texts of words, common and rare white space, and long clean stretches, so that every path is taken.
fn texts() -> impl Strategy<Value = String> {
    let white = proptest::sample::select(WHITE_SPACE.chars().collect::<Vec<_>>());
    let piece = prop_oneof![
        4 => "[ab é😀]{0,3}",
        4 => "[ \n\r\t]{1,4}",
        2 => proptest::collection::vec(white, 1..4).prop_map(String::from_iter),
        1 => "[a-z ,.]{60,150}",
        1 => "[\u{0}-\u{2100}\u{2FFF}-\u{3002}]{1,4}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn squash_is_its_three_passes_and_a_strip(text in texts()) {
        let normal = Normalization::Squash.normalize(&text);
        prop_assert_eq!(&*normal, squash_in_passes(&text));
    }

    #[test]
    fn offsets_come_with_the_same_text(text in texts()) {
        for normalization in [Normalization::Squash, Normalization::None] {
            let (normal, _) = normalization.normalize_with_offsets(&text);
            prop_assert_eq!(normal, normalization.normalize(&text));
        }
    }

    #[test]
    fn raw_spans_of_single_characters_tile_the_stripped_text(text in texts()) {
        let (normal, map) = Normalization::Squash.normalize_with_offsets(&text);
        let raw: Vec<char> = text.chars().collect();
        let leading = raw.iter().take_while(|&&c| is_white(c)).count();
        let mut expected_start = if leading == raw.len() { map.raw_span(0, 0).0 } else { leading };
        for (index, kept) in normal.chars().enumerate() {
            let (start, end) = map.raw_span(index, index + 1);
            prop_assert_eq!(start, expected_start);
            prop_assert!(end > start);
            let covered = &raw[start..end];
            if is_white(kept) {
                prop_assert!(covered.iter().all(|&c| is_white(c)));
                prop_assert_eq!(covered.contains(&'\n') || covered.contains(&'\r'), kept == '\n');
            } else {
                prop_assert_eq!(covered, [kept]);
            }
            expected_start = end;
        }
        prop_assert!(raw[expected_start..].iter().all(|&c| is_white(c)));
    }

    #[test]
    fn a_raw_span_reaches_from_its_first_character_to_its_last(
        text in texts(), a in 0usize..200, b in 0usize..200
    ) {
        let (normal, map) = Normalization::Squash.normalize_with_offsets(&text);
        let length = normal.chars().count();
        prop_assume!(length > 0);
        let (start, end) = (a.min(b) % length, a.max(b) % length);
        let (start, end) = (start.min(end), start.max(end) + 1);
        let expected = (map.raw_span(start, start + 1).0, map.raw_span(end - 1, end).1);
        prop_assert_eq!(map.raw_span(start, end), expected);
    }

    #[test]
    fn none_changes_nothing(text in texts()) {
        prop_assert_eq!(&*Normalization::None.normalize(&text), &text);
        let (_, map) = Normalization::None.normalize_with_offsets(&text);
        prop_assert_eq!(map.raw_span(0, text.chars().count()), (0, text.chars().count()));
    }
}

#[test]
fn every_python_white_space_becomes_a_space_or_a_line_end() {
    for white in WHITE_SPACE.chars() {
        let expected = if matches!(white, '\r' | '\n') {
            "a\nb"
        } else {
            "a b"
        };
        assert_eq!(
            Normalization::Squash.normalize(&format!("a{white}b")),
            expected
        );
    }
    for solid in [
        '\0', '\u{8}', '\u{1B}', '\u{7F}', '\u{200B}', '\u{FEFF}', '\u{180E}',
    ] {
        let text = format!("a{solid}b");
        assert_eq!(Normalization::Squash.normalize(&text), text);
    }
}

#[test]
fn a_line_end_swallows_the_white_space_after_it_once() {
    let squash = |text| Normalization::Squash.normalize(text).into_owned();
    assert_eq!(squash("a\r\n\r\nb"), "a\nb");
    assert_eq!(squash("a \n  b"), "a \nb");
    assert_eq!(squash("a\n \n x"), "a\n\nx");
    assert_eq!(squash(" \n "), "");
}

#[test]
fn text_in_normal_form_is_borrowed() {
    let text =
        "a clean text \nof two lines, long enough to be looked at in blocks of sixty-four bytes";
    let borrowed = |text| {
        matches!(
            Normalization::Squash.normalize(text),
            std::borrow::Cow::Borrowed(_)
        )
    };
    assert!(borrowed(text));
    assert!(!borrowed("two  spaces"));
}

#[test]
fn a_collapsed_run_belongs_to_a_span_whole() {
    let (normal, map) = Normalization::Squash.normalize_with_offsets("  ab \t cd\n\n  ef ");
    assert_eq!(normal, "ab cd\nef");
    assert_eq!(map.raw_span(0, 3), (2, 7));
    assert_eq!(map.raw_span(3, 6), (7, 13));
    assert_eq!(map.raw_span(6, 8), (13, 15));
}

#[test]
fn a_normalization_is_found_by_its_name() {
    for normalization in [Normalization::Squash, Normalization::None] {
        assert_eq!(
            Normalization::from_name(normalization.name()),
            Some(normalization)
        );
    }
    assert_eq!(Normalization::from_name("nfc"), None);
}
