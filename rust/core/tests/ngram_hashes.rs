//! N-gram hashes: equal for equal windows, different otherwise, wherever the window is.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use quotetune_core::text::ngram::NgramHasher;

fn hashes(n: usize, text: &str) -> Vec<u64> {
    let mut hashes = Vec::new();
    NgramHasher::new(n).extend_hashes(text, &mut hashes);
    hashes
}

fn windows(n: usize, text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.windows(n).map(String::from_iter).collect()
}

/// Texts of two letters, or of ASCII with a few other characters, in lengths around those of blocks and chunks.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{0,80}",
        "[ab\u{0}é漢😀\u{301}]{0,80}",
        ("[a-z ]{100,1400}", "[é漢😀]{0,3}", "[a-z ]{0,300}").prop_map(|(a, b, c)| a + &b + &c),
    ]
}

proptest! {
    #[test]
    fn every_window_of_code_points_has_the_hash_it_has_alone(text in texts(), n in 1usize..=64) {
        let expected: Vec<u64> = windows(n, &text).iter().map(|window| hashes(n, window)[0]).collect();
        prop_assert_eq!(hashes(n, &text), expected);
    }

    #[test]
    fn hashes_are_equal_just_where_windows_are(text in texts(), n in 1usize..=64) {
        let mut seen = HashMap::new();
        for (window, hash) in windows(n, &text).into_iter().zip(hashes(n, &text)) {
            prop_assert_eq!(seen.entry(hash).or_insert_with(|| window.clone()), &window);
        }
    }

    #[test]
    fn chunks_in_order_are_all_windows(text in texts(), n in 1usize..=64) {
        let mut joined = Vec::new();
        NgramHasher::new(n).for_each_chunk(&text, |chunk| {
            assert!(!chunk.is_empty());
            joined.extend_from_slice(chunk);
        });
        prop_assert_eq!(joined, hashes(n, &text));
    }
}

#[test]
fn a_text_shorter_than_n_has_no_windows() {
    for length in 0..25 {
        assert!(hashes(25, &"é".repeat(length)).is_empty());
    }
    assert_eq!(hashes(25, &"é".repeat(25)).len(), 1);
}

#[test]
fn two_letter_windows_of_the_longest_n_do_not_collide() {
    // Thue-Morse words are the worst case of polynomial hashes modulo 2^64.
    let letter = |i: u32| {
        if i.count_ones().is_multiple_of(2) {
            'a'
        } else {
            'b'
        }
    };
    let text: String = (0..200_000).map(letter).collect();
    let distinct: HashSet<String> = windows(64, &text).into_iter().collect();
    let hashed: HashSet<u64> = hashes(64, &text).into_iter().collect();
    assert_eq!(hashed.len(), distinct.len());
}

#[test]
fn each_bit_of_a_hash_is_set_in_half_of_the_windows() {
    let text: String = (0..20_000u32)
        .map(|i| char::from(b'a' + (i.wrapping_mul(i) >> 5) as u8 % 26))
        .collect();
    let distinct: HashSet<u64> = hashes(25, &text).into_iter().collect();
    let deviation = 4.5 * (0.25 * distinct.len() as f64).sqrt();
    for bit in 0..64 {
        let set = distinct.iter().filter(|&hash| hash >> bit & 1 == 1).count() as f64;
        assert!(
            (set - distinct.len() as f64 / 2.0).abs() < deviation,
            "bit {bit}: {set}"
        );
    }
}

#[test]
fn hashes_never_change_within_a_version() {
    assert_eq!(NgramHasher::VERSION, 1);
    assert_eq!(hashes(5, "quote"), [0x11BE_EE23_6ACC_39A6]);
    assert_eq!(hashes(3, "é漢😀"), [0xCB9E_2143_40C1_4B6E]);
}

#[test]
#[should_panic(expected = "n-grams of 0 characters")]
fn windows_of_no_characters_are_refused() {
    NgramHasher::new(0);
}
