//! The guide against the definition: try every suffix of the text, from long to short.

use std::sync::Arc;

use proptest::prelude::*;
use quotetune_core::guide::corpus::Corpus;
use quotetune_core::guide::texts::Texts;
use quotetune_core::guide::vocabulary::Vocabulary;
use quotetune_core::guide::{Ends, Guide, Row};
use quotetune_core::text::normalization::Normalization;

fn guide(texts: &[&str], tokens: &[&[u8]], min_chars: usize, max_chars: usize) -> Guide {
    let texts = Texts::new(texts, Normalization::None).unwrap();
    let vocabulary = Vocabulary::new(tokens.iter().copied());
    let corpus = Corpus::Texts(Arc::new(texts));
    Guide::new(corpus, Arc::new(vocabulary), min_chars, max_chars).unwrap()
}

fn naive(texts: &[&str], text: &str, min_chars: usize, max_chars: usize) -> usize {
    let starts = text.char_indices().map(|(start, _)| &text[start..]);
    let mut suffixes = starts.filter(|suffix| suffix.chars().count() <= max_chars);
    let longest = suffixes.find(|suffix| texts.iter().any(|text| text.contains(suffix)));
    let chars = longest.map_or(0, |suffix| suffix.chars().count());
    if chars < min_chars { 0 } else { chars }
}

proptest! {
    /// The corpus is long enough for strings that occur hundreds of times, which are not read one by one.
    #[test]
    fn every_match_is_the_naive_one(
        texts in prop::collection::vec("[abé]{0,900}", 1..4),
        response in "[abé]{0,40}",
        tokens in prop::collection::vec("[abé]{1,9}", 1..9),
        (min_chars, max_chars) in (1usize..9).prop_flat_map(|min| (Just(min), min + 1..40)),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut bytes: Vec<&[u8]> = tokens.iter().map(String::as_bytes).collect();
        bytes.push(response.as_bytes());
        let guide = guide(&texts, &bytes, min_chars, max_chars);
        let mut state = guide.response();
        state.advance(guide.vocabulary(), &[tokens.len() as i64]).unwrap();
        let candidates: Vec<i64> = (0..tokens.len() as i64).collect();
        let row = Row { response: &state, candidates: &candidates };
        let expected: Vec<usize> = tokens
            .iter()
            .map(|token| naive(&texts, &format!("{response}{token}"), min_chars, max_chars))
            .collect();
        prop_assert_eq!(guide.matches(&[row]).unwrap(), expected);
    }
}

#[test]
fn a_response_ends_where_a_document_or_a_sentence_does() {
    let texts = ["One. \"Two.\" Three", "Two.x", "四。五"];
    let tokens: [&[u8]; 5] = [b"One.", b" \"Two.\"", b" Three", b"Two.", "四。".as_bytes()];
    let guide = guide(&texts, &tokens, 1, 32);
    let ends = |tokens: &[i64]| {
        let mut response = guide.response();
        response.advance(guide.vocabulary(), tokens).unwrap();
        let [ends] = guide.ends(&[&response]).unwrap()[..] else {
            unreachable!("one response")
        };
        (ends.document, ends.sentence)
    };
    assert_eq!(ends(&[]), (0, 0));
    assert_eq!(ends(&[0]), (0, 4));
    assert_eq!(ends(&[0, 1]), (0, 11));
    assert_eq!(ends(&[0, 1, 2]), (17, 0));
    // No white space follows on either.
    assert_eq!(ends(&[3]), (0, 1));
    assert_eq!(ends(&[4]), (0, 2));
    assert_eq!(
        Ends::default(),
        Ends {
            document: 0,
            sentence: 0
        }
    );
}
