//! Finds the slots of one partition by peeling (Graf and Lemire 2022, section 3).
//!
//! A slot that only one key uses can be set last, whatever the other slots are. Its key is therefore removed, which
//! may leave other slots with one key, and so on until no key is left. In the reverse order, every key then sets the
//! slot that it was removed for. Keys are sorted, and so are their first slots, so the work moves through memory from
//! front to back.

use super::partition::{Partition, partition_of, seed_of};
use crate::error::{Error, Result};
use crate::memory::prefetch::prefetch;

/// Seeds to try at most. The first seed works for most sets of keys; if it does not, the next is just as likely to.
const ATTEMPTS: u32 = 128;
/// Attempts per number of slots.
const ATTEMPTS_A_SIZE: u32 = 8;
/// Factor by which the slots grow after that.
const GROWTH: f64 = 1.1;
/// Slots to prefetch ahead.
const AHEAD: usize = 8;
/// Approximate bytes of memory per key during construction, fingerprints included.
pub const BYTES_PER_KEY: usize = 18;

/// The keys of a slot that are not yet removed: their count, and the exclusive or of their numbers.
#[derive(Clone, Copy, Default)]
struct Slot {
    count: u32,
    numbers: u32,
}

/// Builds the partition of `keys` in a filter of `partitions`, with its fingerprints, as if it were the first one.
/// The keys are ascending, distinct and fewer than 2^32. `check` is called before each attempt, and its error ends
/// the work.
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
    // This does not happen by chance: somebody made many hashes that fall into one place of the filter.
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

/// Removes the keys one after another. Returns the slot that each of them leaves to itself, or None if some cannot be
/// removed.
///
/// Such a slot keeps the number of its key, since no other key uses it. Slots are served in the order of arrival, so
/// the work sweeps over them from front to back; the opposite order would jump between distant slots.
fn peel(
    keys: &[u64],
    slots: &mut [Slot],
    slots_of: impl Fn(u64) -> [usize; 3],
) -> Option<Vec<u32>> {
    // Slots that are down to one key. The places of slots already served are reused for the order of service.
    let mut queue = Vec::with_capacity(slots.len());
    queue.extend((0..slots.len() as u32).filter(|&slot| slots[slot as usize].count == 1));
    let (mut served, mut next) = (0, 0);
    while let Some(&own) = queue.get(next) {
        look_ahead(&queue[next..], keys, slots, slots, &slots_of);
        next += 1;
        // Meanwhile its key may have been removed through another slot.
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

/// Prefetches for the coming slots of `queue`: the slot, the key it names, and the elements of `targets` at the key's
/// slots. Each step needs the result of the one before it, so the three steps run for different slots.
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
    // The slot of a removed key may hold a number that is no key's.
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
        // The key's own slot is still zero.
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
