//! Times reads of memory by one thread, which no lookup in a structure of that size can beat.
//!
//! `cargo run --release -p quotetune-core --example memory_reads -- BYTES` prints JSON: the seconds per read of a
//! random cache line if the next read does not depend on it (`independent`) and if it does (`dependent`), and the
//! seconds per byte if everything is read in order (`sequential`).

use std::hint::black_box;
use std::time::Instant;
use std::{env, error};

use memmap2::MmapMut;

const LINE_WORDS: usize = 8;
const INDEPENDENT: u64 = 20_000_000;
const DEPENDENT: u64 = 2_000_000;
/// Number of measurements, of which the shortest counts.
const REPEATS: usize = 3;

fn main() -> Result<(), Box<dyn error::Error>> {
    let bytes: usize = env::args()
        .nth(1)
        .ok_or("give a number of bytes")?
        .parse()?;
    let mut map = MmapMut::map_anon(bytes.next_multiple_of(8 * LINE_WORDS).max(64))?;
    // Use large pages if there are any: a limit is the best that the machine can do.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    // Pages that were never written are all the same zero page.
    map.fill(1);
    let words: &[u64] = bytemuck::cast_slice(&map);
    let lines = words.len() / LINE_WORDS;
    let independent = shortest(|| independent_reads(words, lines)) / INDEPENDENT as f64;
    let dependent = shortest(|| dependent_reads(words, lines)) / DEPENDENT as f64;
    let sequential =
        shortest(|| words.iter().copied().fold(0, u64::wrapping_add)) / map.len() as f64;
    println!(
        "{{\"independent\": {independent:e}, \"dependent\": {dependent:e}, \"sequential\": {sequential:e}}}"
    );
    Ok(())
}

fn shortest(work: impl Fn() -> u64) -> f64 {
    let seconds = (0..REPEATS).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
}

fn independent_reads(words: &[u64], lines: usize) -> u64 {
    (0..INDEPENDENT).fold(0, |sum, step| sum.wrapping_add(words[line(step, lines)]))
}

fn dependent_reads(words: &[u64], lines: usize) -> u64 {
    // The next place depends on the value read.
    (0..DEPENDENT).fold(0, |sum, step| {
        words[line(step.wrapping_add(sum), lines)].wrapping_add(sum)
    })
}

/// Returns the first word of a line chosen by a multiplicative hash.
#[inline(always)]
fn line(key: u64, lines: usize) -> usize {
    let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((u128::from(hash) * lines as u128) >> 64) as usize * LINE_WORDS
}
