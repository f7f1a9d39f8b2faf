//! The fuse filter: never a false negative, the promised rate of false positives, 18 bits per key, and one file however it was built.

mod mixed_keys;

use mixed_keys::keys;
use proptest::prelude::*;
use quotetune_core::filter::fuse::construct::construct;
use quotetune_core::filter::fuse::{FPR, Fuse, Partition};
use xxhash_rust::xxh3::xxh3_64;

/// A filter of several partitions, constructed side by side.
struct Owned {
    partitions: Vec<Partition>,
    fingerprints: Vec<u16>,
}

impl Owned {
    fn of(keys: &[u64], partitions: usize) -> Self {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        let mut filter = Self {
            partitions: Vec::new(),
            fingerprints: Vec::new(),
        };
        let number = |key: u64| (u128::from(key) * partitions as u128) >> 64;
        for wanted in 0..partitions as u128 {
            let own: Vec<u64> = keys
                .iter()
                .copied()
                .filter(|&key| number(key) == wanted)
                .collect();
            let (partition, fingerprints) = construct(&own, partitions, || Ok(())).unwrap();
            filter.partitions.push(Partition {
                offset: filter.fingerprints.len() as u64,
                ..partition
            });
            filter.fingerprints.extend(fingerprints);
        }
        filter
    }

    fn hits(&self, hashes: &[u64]) -> Vec<bool> {
        let mut hits = vec![false; hashes.len()];
        Fuse::new(&self.partitions, &self.fingerprints).mark_hits(hashes, &mut hits);
        hits
    }

    fn count(&self, hashes: &[u64]) -> usize {
        self.hits(hashes).into_iter().filter(|&hit| hit).count()
    }
}

proptest! {
    #[test]
    fn every_key_is_found_however_many_there_are_and_however_they_lie(
        // More keys in one place may be too many for its slots; hashes do not come so close by chance.
        near in prop::collection::vec(0..300u64, 0..16),
        anywhere in prop::collection::vec(any::<u64>(), 0..2000),
        shift in 0u32..64,
        partitions in 1usize..9,
    ) {
        let keys: Vec<u64> = near.into_iter().map(|key| key << shift).chain(anywhere).collect();
        prop_assert_eq!(Owned::of(&keys, partitions).count(&keys), keys.len());
    }

    #[test]
    fn batches_answer_as_single_keys_do_and_keep_earlier_hits(
        held in prop::collection::vec(any::<u64>(), 1..300),
        asked in prop::collection::vec((any::<u64>(), any::<bool>()), 0..300),
    ) {
        let filter = Owned::of(&held, 3);
        let hashes: Vec<u64> = asked.iter().map(|&(hash, _)| hash).chain(held).collect();
        let earlier = |i: usize| asked.get(i).is_some_and(|&(_, hit)| hit);
        let mut hits: Vec<bool> = (0..hashes.len()).map(earlier).collect();
        Fuse::new(&filter.partitions, &filter.fingerprints).mark_hits(&hashes, &mut hits);
        for (i, &hash) in hashes.iter().enumerate() {
            prop_assert_eq!(hits[i], earlier(i) || filter.hits(&[hash])[0]);
        }
    }

    #[test]
    fn any_directory_over_any_slots_gives_an_answer(
        numbers in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()), 0..5),
        fingerprints in prop::collection::vec(any::<u16>(), 0..50),
        asked in prop::collection::vec(any::<u64>(), 0..100),
    ) {
        let partition = |(offset, seed, segment_length, segments)| Partition {
            offset, seed, segment_length, segments, keys: 0,
        };
        let partitions: Vec<Partition> = numbers.into_iter().map(partition).collect();
        let filter = Owned { partitions, fingerprints };
        prop_assert!(filter.count(&asked) <= asked.len());
    }
}

#[test]
fn too_many_keys_in_one_place_are_refused() {
    let keys: Vec<u64> = (0..1000).collect();
    let refused = construct(&keys, 1, || Ok(())).unwrap_err().to_string();
    assert!(refused.contains("build with bloom"), "{refused}");
}

#[test]
fn small_filters_of_every_size_hold_their_keys() {
    for count in 0..400 {
        let keys = keys(count, count);
        assert_eq!(Owned::of(&keys, 1).count(&keys), keys.len());
    }
}

#[test]
fn a_million_keys_take_eighteen_bits_each_and_err_at_the_promised_rate() {
    let held = keys(1, 1_000_000);
    let filter = Owned::of(&held, 1);
    let bits = filter.fingerprints.len() as f64 * 16.0 / held.len() as f64;
    assert!((18.0..18.3).contains(&bits), "{bits} bits per key");
    assert_eq!(filter.count(&held), held.len());
    let asked = keys(2, 8_000_000);
    let (found, expected) = (filter.count(&asked) as f64, asked.len() as f64 * FPR);
    // Five standard deviations of the binomial distribution.
    assert!(
        (found - expected).abs() < 5.0 * expected.sqrt(),
        "{found} of {expected} expected"
    );
}

#[test]
fn a_filter_without_partitions_holds_nothing() {
    let filter = Owned {
        partitions: Vec::new(),
        fingerprints: vec![0; 10],
    };
    assert_eq!(filter.count(&keys(3, 1000)), 0);
}

#[test]
fn slots_never_change_within_a_version() {
    assert_eq!(quotetune_core::filter::fuse::VERSION, 1);
    let filter = Owned::of(&keys(4, 1000), 2);
    let bytes: Vec<u8> = filter
        .fingerprints
        .iter()
        .flat_map(|slot| slot.to_le_bytes())
        .collect();
    assert_eq!(xxh3_64(&bytes), 6_058_220_890_068_717_698);
}
