//! Hashes for the tests of filters.

/// Well-mixed keys; different seeds give different keys.
pub fn keys(seed: u64, count: u64) -> Vec<u64> {
    let mixed = |i: u64| {
        let z = (seed << 40 | i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    (1..=count).map(mixed).collect()
}
