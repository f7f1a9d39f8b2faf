//! `fold` against its definition, and the way back to the text as given: maps in memory, and edits beside stored text.

use proptest::prelude::*;
use quotetune_core::store::original::{normalize_reversibly, original, original_span};
use quotetune_core::text::normalization::Normalization;
use unicode_normalization::UnicodeNormalization;

const FOLDS: [Normalization; 2] = [Normalization::Fold, Normalization::FoldCase];

/// Characters that grow, shrink, recompose, change places, become white space or go.
const TYPOGRAPHY: &str = "“”‘’„«»‹›–—−\u{AD}\u{200B}\u{2060}\u{FEFF}…ﬁﬃ½㎏Ａｂ　ßẞİıΣςſŉÅÅé\u{301}\u{323}\u{327}\u{308}\
    ḝ¨´ﷺ가각\u{1100}\u{1161}\u{11A8}ㄱㅏ\u{9C7}\u{9BE}\u{345}\u{F900}\u{200D}";

fn texts() -> impl Strategy<Value = String> {
    let typography = proptest::sample::select(TYPOGRAPHY.chars().collect::<Vec<_>>());
    let piece = prop_oneof![
        3 => "[ab E]{0,3}",
        2 => "[ \n\r\t]{1,3}",
        5 => proptest::collection::vec(typography, 1..6).prop_map(String::from_iter),
        1 => "[a-z ,.]{60,150}",
        1 => "\\PC{1,6}",
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// The definition without case: what is left out goes, NFKC by the library's own iterator, one character for another.
fn folded_in_passes(text: &str) -> String {
    let kept = text
        .chars()
        .filter(|c| !"\u{AD}\u{200B}\u{2060}\u{FEFF}".contains(*c));
    let straight = |c| match c {
        '‘' | '’' | '‚' | '‛' | '‹' | '›' | 'ʻ' | 'ʼ' => '\'',
        '“' | '”' | '„' | '‟' | '«' | '»' | '⹂' | '〝' | '〞' | '〟' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '֊' | '־' | '᐀' | '᠆' | '⸗' | '⸚' | '⸺' | '⸻'
        | '⹀' | '⹝' | '゠' | '\u{10D6E}' | '\u{10EAD}' => '-',
        c => c,
    };
    kept.nfkc().map(straight).collect()
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn fold_is_its_passes_and_squash_last(text in texts()) {
        let normal = Normalization::Fold.normalize(&text);
        let folded = folded_in_passes(&text);
        prop_assert_eq!(normal, Normalization::Squash.normalize(&folded));
    }

    #[test]
    fn offsets_come_with_the_same_text(text in texts()) {
        for fold in FOLDS {
            prop_assert_eq!(fold.normalize_with_offsets(&text).0, fold.normalize(&text));
        }
    }

    #[test]
    fn the_text_as_given_comes_back_from_its_edits(text in texts()) {
        for fold in FOLDS {
            let (normal, edits) = normalize_reversibly(fold, text.clone());
            prop_assert_eq!(&*fold.normalize(&text), &normal);
            prop_assert_eq!(original(&normal, &edits), Some(text.clone()));
        }
    }

    #[test]
    fn edits_and_map_agree_on_every_piece(text in texts()) {
        for fold in FOLDS {
            let (normal, map) = fold.normalize_with_offsets(&text);
            let (_, edits) = normalize_reversibly(fold, text.clone());
            let mut start = 0;
            for piece in map.pieces(normal.chars().count()) {
                let end = start + piece.chars;
                prop_assert_eq!(map.raw_span(start, end), piece.raw);
                prop_assert_eq!(original_span(&edits, start, end), Some(piece.raw));
                for at in start..end {
                    let (from, to) = map.raw_span(at, at + 1);
                    prop_assert!(piece.raw.0 <= from && from < to && to <= piece.raw.1);
                    if piece.is_straight {
                        let raw = piece.raw.0 + at - start;
                        prop_assert_eq!((from, to), (raw, raw + 1));
                    }
                }
                start = end;
            }
            prop_assert_eq!(start, normal.chars().count());
        }
    }

    /// Nothing of what a span stands for is outside: with the text around it blotted out, it folds to the same.
    #[test]
    fn a_span_of_pieces_folds_by_itself_to_what_it_stands_for(text in texts(), a in 0usize..60, b in 0usize..60) {
        for fold in FOLDS {
            let (normal, map) = fold.normalize_with_offsets(&text);
            let normal = chars(&normal);
            let mut cuts = vec![0];
            for piece in map.pieces(normal.len()) {
                let last = cuts[cuts.len() - 1];
                match piece.is_straight {
                    true => cuts.extend(last + 1..=last + piece.chars),
                    false => cuts.push(last + piece.chars),
                }
            }
            let (a, b) = (cuts[a % cuts.len()], cuts[b % cuts.len()]);
            let (start, end) = (a.min(b), a.max(b));
            prop_assume!(start < end);
            let (from, to) = map.raw_span(start, end);
            let part: String = chars(&text)[from..to].iter().collect();
            // White space at the ends of a part is another than in the midst of a text.
            let solid = |chars: &[char]| -> String {
                let is_white = |c: char| c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c);
                chars.iter().filter(|&&c| !is_white(c)).collect()
            };
            prop_assert_eq!(solid(&chars(&fold.normalize(&part))), solid(&normal[start..end]));
        }
    }

    #[test]
    fn edits_of_any_bytes_are_read_without_harm(
        normal in texts(), edits in proptest::collection::vec(any::<u8>(), 0..20), a in 0usize..90, b in 1usize..9
    ) {
        let text = original(&normal, &edits);
        prop_assert!(text.is_none_or(|text| text.len() <= normal.len() + edits.len()));
        if let Some((start, end)) = original_span(&edits, a, a + b) {
            prop_assert!(start <= end);
        }
    }
}

#[test]
fn case_folds_as_unicode_matches_caselessly() {
    let fold = |text| Normalization::FoldCase.normalize(text).into_owned();
    assert_eq!(fold("ΣΟΦΟΣ σοφος ΣΟΦΌΣ"), "σοφοσ σοφοσ σοφόσ");
    assert_eq!(fold("STRASSE Straße STRAẞE"), "strasse strasse strasse");
    assert_eq!(fold("İstanbul ISPARTA ısı"), "i\u{307}stanbul isparta ısı");
    assert_eq!(fold("ΐ"), fold("Ϊ\u{301}"));
    assert_eq!(fold("ÉTÉ E\u{301}TE\u{301}"), "été été");
}

#[test]
fn a_ligature_half_matched_is_covered_whole() {
    let (normal, map) = Normalization::Fold.normalize_with_offsets("eﬃcient");
    assert_eq!(normal, "efficient");
    assert_eq!(map.raw_span(2, 9), (1, 7));
    assert_eq!(map.raw_span(0, 2), (0, 2));
    assert_eq!(map.raw_span(2, 3), (1, 2));
}

#[test]
fn what_goes_at_the_ends_of_a_span_is_outside_and_within_it_inside() {
    let (normal, map) =
        Normalization::Fold.normalize_with_offsets("\u{FEFF}mito\u{AD}chon\u{200B}");
    assert_eq!(normal, "mitochon");
    assert_eq!(map.raw_span(0, 8), (1, 10));
    assert_eq!(map.raw_span(0, 4), (1, 5));
    assert_eq!(map.raw_span(4, 8), (6, 10));
}

#[test]
fn hangul_and_accents_meet_whichever_way_they_were_written() {
    let fold = |text: &str| Normalization::Fold.normalize(text).into_owned();
    let text = "서울은 대한민국의 수도, café";
    let apart: String = text.nfd().collect();
    assert_eq!(fold(&apart), text);
    let (_, map) = Normalization::Fold.normalize_with_offsets(&apart);
    assert_eq!(map.raw_span(0, 2), (0, 5)); // 서 is of two letters, 울 of three
    // A soft hyphen does not keep an accent from its letter.
    assert_eq!(fold("cafe\u{AD}\u{301}"), "café");
}

#[test]
fn marks_that_change_places_are_covered_exactly() {
    // Dot above (230), cedilla (202), dot below (220): their order is cedilla, dot below, dot above.
    let (normal, map) = Normalization::Fold.normalize_with_offsets("xq\u{307}\u{321}\u{323}y");
    assert_eq!(normal, "xq\u{321}\u{323}\u{307}y");
    assert_eq!(map.raw_span(0, 3), (0, 4));
    assert_eq!(map.raw_span(4, 6), (2, 6));
    assert_eq!(map.raw_span(3, 4), (4, 5));
    assert_eq!(map.raw_span(2, 6), (2, 6));
}
