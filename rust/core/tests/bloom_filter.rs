//! The Bloom filter: never a false negative, the promised rate of false positives, one filter however it was filled.

mod mixed_keys;

use mixed_keys::keys;
use proptest::prelude::*;
use quotetune_core::filter::bloom::{Bloom, BloomBuilder, Measure, bits_to_fpr, words_for};
use quotetune_core::filter::cardinality::DistinctCounter;
use quotetune_core::text::ngram::NgramHasher;

fn filter_of(keys: &[u64], words: usize) -> Vec<u64> {
    let mut words = vec![0; words];
    BloomBuilder::new(&mut words)
        .unwrap()
        .inserter()
        .insert(keys);
    words
}

proptest! {
    #[test]
    fn parts_filled_one_after_the_other_are_the_whole_filter(
        keys in proptest::collection::vec(any::<u64>(), 0..2000), blocks in 1usize..700, part_blocks in 1usize..300
    ) {
        let whole = filter_of(&keys, blocks * 8);
        let mut parts = vec![0; whole.len()];
        for (number, words) in parts.chunks_mut(part_blocks * 8).enumerate() {
            let first = number * part_blocks * 8;
            BloomBuilder::part(words, first, whole.len()).unwrap().inserter().insert(&keys);
        }
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn inserted_keys_are_always_found(
        keys in proptest::collection::vec(any::<u64>(), 0..2000), blocks in 1usize..700
    ) {
        let words = filter_of(&keys, blocks * 8);
        let bloom = Bloom::new(&words).unwrap();
        prop_assert!(keys.iter().all(|&key| bloom.contains(key)));
        prop_assert_eq!(bloom.count_hits(&keys), keys.len());
    }

    #[test]
    fn batches_answer_as_single_keys_do_and_keep_earlier_hits(
        inserted in proptest::collection::vec(any::<u64>(), 0..300),
        asked in proptest::collection::vec((any::<u64>(), any::<bool>()), 0..300),
    ) {
        let words = filter_of(&inserted, 64);
        let bloom = Bloom::new(&words).unwrap();
        let hashes: Vec<u64> = asked.iter().map(|&(hash, _)| hash).chain(inserted).collect();
        let earlier = |i: usize| asked.get(i).is_some_and(|&(_, hit)| hit);
        let mut hits: Vec<bool> = (0..hashes.len()).map(earlier).collect();
        bloom.mark_hits(&hashes, &mut hits);
        for (i, &hash) in hashes.iter().enumerate() {
            prop_assert_eq!(hits[i], earlier(i) || bloom.contains(hash));
        }
    }
}

#[test]
fn the_false_positive_rate_is_the_promised_and_the_estimated_one() {
    for (bits, count) in [(8.0, 100_000), (16.0, 400_000)] {
        let words = filter_of(&keys(1, count), words_for(count, bits));
        let bloom = Bloom::new(&words).unwrap();
        let asked = keys(2, 3_000_000);
        let measured = bloom.count_hits(&asked) as f64 / asked.len() as f64;
        for expected in [bits_to_fpr(bits), bloom.measure().fpr] {
            assert!(
                (measured / expected - 1.0).abs() < 0.1,
                "{bits} bits: {measured}, {expected} expected"
            );
        }
    }
}

#[test]
fn sixteen_bits_per_distinct_ngram_of_text_give_a_tenth_of_a_percent() {
    let text = |seed| {
        String::from_iter(
            keys(seed, 200_000)
                .iter()
                .map(|key| char::from(b'a' + (key % 26) as u8)),
        )
    };
    let hasher = NgramHasher::new(25);
    let (mut inserted, mut asked) = (Vec::new(), Vec::new());
    hasher.extend_hashes(&text(3), &mut inserted);
    hasher.extend_hashes(&text(4), &mut asked);
    let mut counter = DistinctCounter::new();
    counter.insert(&inserted);
    counter.insert(&inserted);
    let words = filter_of(&inserted, words_for(counter.estimate(), 16.0));
    let measured = Bloom::new(&words).unwrap().count_hits(&asked) as f64 / asked.len() as f64;
    assert!((0.0006..0.0013).contains(&measured), "{measured}");
}

#[test]
fn threads_fill_the_filter_that_one_thread_fills() {
    let keys = keys(5, 200_000);
    let alone = filter_of(&keys, words_for(200_000, 16.0));
    let mut together = vec![0; alone.len()];
    let builder = BloomBuilder::new(&mut together).unwrap();
    std::thread::scope(|scope| {
        for part in keys.chunks(30_000) {
            let mut inserter = builder.inserter();
            scope.spawn(move || part.chunks(999).for_each(|hashes| inserter.insert(hashes)));
        }
    });
    drop(builder);
    assert_eq!(together, alone);
}

#[test]
fn a_filter_can_be_added_to() {
    let (first, second) = (keys(6, 1000), keys(7, 1000));
    let mut words = filter_of(&first, 2048);
    BloomBuilder::new(&mut words)
        .unwrap()
        .inserter()
        .insert(&second);
    assert_eq!(words, filter_of(&[first, second].concat(), 2048));
}

#[test]
fn an_empty_filter_holds_nothing() {
    let words = filter_of(&[], words_for(0, 16.0));
    let bloom = Bloom::new(&words).unwrap();
    assert_eq!(bloom.count_hits(&keys(8, 10_000)), 0);
    assert_eq!(
        bloom.measure(),
        Measure {
            fill: 0.0,
            fpr: 0.0
        }
    );
}

#[test]
fn a_full_filter_holds_everything() {
    let words = [u64::MAX; 16];
    let bloom = Bloom::new(&words).unwrap();
    assert_eq!(bloom.count_hits(&keys(9, 1000)), 1000);
    assert_eq!(
        bloom.measure(),
        Measure {
            fill: 1.0,
            fpr: 1.0
        }
    );
}

#[test]
fn words_that_are_not_whole_blocks_are_no_filter() {
    for count in [0, 7, 9] {
        let mut words = vec![0; count];
        assert!(Bloom::new(&words).is_none());
        assert!(BloomBuilder::new(&mut words).is_none());
    }
}

#[test]
fn bits_never_change_within_a_version() {
    assert_eq!(quotetune_core::filter::bloom::VERSION, 1);
    let words = filter_of(&[0x0123_4567_89AB_CDEF], 8);
    assert_eq!(
        words,
        [
            1 << 47,
            1 << 31,
            1 << 7,
            1 << 58,
            1 << 0,
            1 << 38,
            1 << 37,
            1 << 6
        ]
    );
}
