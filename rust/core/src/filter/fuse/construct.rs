//! The slots of one partition, found by peeling (Graf and Lemire 2022, section 3).
//!
//! A slot that only one key uses can be set last, whatever the others are: its key is taken away, which may leave other slots
//! with one key, until none is left. In the opposite order every key then sets the slot that it was taken away for. Keys are
//! sorted, and so are their first slots: the work moves through memory from front to back.

use super::partition::{Partition, partition_of, seed_of};
use crate::error::{Error, Result};
use crate::memory::prefetch::prefetch;

/// Seeds to try at most. The first one does for most sets of keys; where it does not, the next is as likely to.
const ATTEMPTS: u32 = 128;
/// Attempts before the slots grow.
const ATTEMPTS_A_SIZE: u32 = 8;
/// How much they grow then.
const GROWTH: f64 = 1.1;
/// How many slots ahead memory is asked for.
const AHEAD: usize = 8;
/// Bytes of memory that a key takes meanwhile, about, fingerprints included.
pub const BYTES_PER_KEY: usize = 18;

/// The keys of a slot that are not yet taken away: how many, and the exclusive or of their numbers.
#[derive(Clone, Copy, Default)]
struct Slot {
    count: u32,
    numbers: u32,
}

/// The partition of `keys`, which are ascending, distinct and fewer than 2^32, in a filter of `partitions`, with its
/// fingerprints; as if it were the first one. What `check`, called before each attempt, gives as an error ends the work.
pub fn construct(
    keys: &[u64],
    partitions: usize,
    check: impl Fn() -> Result<()>,
) -> Result<(Partition, Vec<u16>)> {
    for attempt in 0..ATTEMPTS {
        check()?;
        let slack = GROWTH.powi((attempt / ATTEMPTS_A_SIZE) as i32);
        let partition = Partition::sized(keys.len(), seed_of(attempt), slack);
        let locate = |key: u64| partition.locate(key, partition_of(key, partitions).1);
        let mut slots = count_keys(keys, &partition, |key| locate(key).0);
        if let Some(order) = peel(keys, &mut slots, |key| locate(key).0) {
            let fingerprints = assign(keys, &slots, order, locate);
            return Ok((partition, fingerprints));
        }
    }
    // Not by chance: so many hashes at one place of the filter were made.
    Err(Error::Usage(format!(
        "no fuse filter holds {} of these n-grams together; build with bloom",
        keys.len()
    )))
}

fn count_keys(
    keys: &[u64],
    partition: &Partition,
    slots_of: impl Fn(u64) -> [usize; 3],
) -> Vec<Slot> {
    let count = partition
        .slots()
        .expect("2^32 keys take fewer than 2^64 slots");
    let mut slots = vec![Slot::default(); count as usize];
    for (number, &key) in keys.iter().enumerate() {
        for slot in slots_of(key) {
            slots[slot].count += 1;
            slots[slot].numbers ^= number as u32;
        }
    }
    slots
}

/// Take the keys away one after another; gives the slot that each leaves to itself, and None if some cannot leave.
///
/// Such a slot keeps the number of its key, since no other key uses it. First come, first served: so the work goes over the
/// slots in sweeps, where the last come would lead it to and fro.
fn peel(
    keys: &[u64],
    slots: &mut [Slot],
    slots_of: impl Fn(u64) -> [usize; 3],
) -> Option<Vec<u32>> {
    // Slots that have come down to one key. The places of those that were served are used again, for the order of service.
    let mut queue = Vec::with_capacity(slots.len());
    queue.extend((0..slots.len() as u32).filter(|&slot| slots[slot as usize].count == 1));
    let (mut served, mut next) = (0, 0);
    while let Some(&own) = queue.get(next) {
        look_ahead(&queue[next..], keys, slots, slots, &slots_of);
        next += 1;
        // Its key may have left through another slot meanwhile.
        if slots[own as usize].count != 1 {
            continue;
        }
        slots[own as usize].count = 0;
        queue[served] = own;
        served += 1;
        let number = slots[own as usize].numbers;
        for slot in slots_of(keys[number as usize]) {
            if slot == own as usize {
                continue;
            }
            slots[slot].count -= 1;
            slots[slot].numbers ^= number;
            if slots[slot].count == 1 {
                queue.push(slot as u32);
            }
        }
    }
    queue.truncate(served);
    (served == keys.len()).then_some(queue)
}

/// Fetches what work on the slots of `queue`, one after another, leads to: the slot, the key it names, and what stands in
/// `targets` at the key's slots. Each step waits for the one before it, so that they are taken for different slots.
#[inline(always)]
fn look_ahead<T>(
    queue: &[u32],
    keys: &[u64],
    slots: &[Slot],
    targets: &[T],
    slots_of: impl Fn(u64) -> [usize; 3],
) {
    let number = |ahead: usize| Some(slots[*queue.get(ahead)? as usize].numbers as usize);
    if let Some(&slot) = queue.get(3 * AHEAD) {
        prefetch(slots, slot as usize);
    }
    if let Some(number) = number(2 * AHEAD) {
        prefetch(keys, number);
    }
    // The slot of a key that has left may name none that there is.
    if let Some(&key) = number(AHEAD).and_then(|number| keys.get(number)) {
        for slot in slots_of(key) {
            prefetch(targets, slot);
        }
    }
}

fn assign(
    keys: &[u64],
    slots: &[Slot],
    mut order: Vec<u32>,
    locate: impl Fn(u64) -> ([usize; 3], u16),
) -> Vec<u16> {
    order.reverse();
    let mut fingerprints = vec![0u16; slots.len()];
    for (done, &own) in order.iter().enumerate() {
        look_ahead(&order[done..], keys, slots, &fingerprints, |key| {
            locate(key).0
        });
        let own = own as usize;
        let ([first, second, third], fingerprint) = locate(keys[slots[own].numbers as usize]);
        // The own slot is still zero.
        fingerprints[own] =
            fingerprint ^ fingerprints[first] ^ fingerprints[second] ^ fingerprints[third];
    }
    fingerprints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_crowd_at_one_place_are_an_error_and_not_a_hang() {
        let keys: Vec<u64> = (0..20_000).collect();
        let error = construct(&keys, 1, || Ok(())).unwrap_err().to_string();
        assert!(
            error.contains("20000") && error.ends_with("build with bloom"),
            "{error}"
        );
    }

    #[test]
    fn a_stop_ends_the_work() {
        let stopped = construct(&[1, 2, 3], 1, || Err(Error::Interrupted));
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
