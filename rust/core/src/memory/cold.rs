//! Pages of mapped files that are not in memory.
//!
//! A read of such a page waits for the disk, so scattered reads wait one after another, while a disk answers dozens of
//! requests at once. [`ask_for`] makes requests in advance. Each is a system call, which takes longer than a read of
//! memory does. [`Pace`] therefore tells by the time of earlier work whether they are worth it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::bus_error::page_size;

/// Pieces of work that ask for pages after one that was slow.
const PIECES: u32 = 64;

/// Asks the system to read the page of `slice[index]`, without waiting for it. Any index is allowed.
#[cold]
pub fn ask_for<T>(slice: &[T], index: usize) {
    let Some(item) = slice.get(index) else {
        return;
    };
    let page = (&raw const *item).map_addr(|address| address & !(page_size() - 1));
    // SAFETY: the page contains a byte of `slice`, so it is mapped. This advice changes no byte of it, and a system that
    // does not take it changes nothing. `pages_may_be_asked_for_anywhere` runs this.
    unsafe { libc::madvise(page.cast_mut().cast(), 1, libc::MADV_WILLNEED) };
}

/// The pace of work with mapped files: whether it waits for pages that are not in memory.
pub struct Pace {
    /// Pieces of work that are still to ask for pages.
    asking: AtomicU32,
}

impl Default for Pace {
    /// The first piece of work asks, since nothing is known yet.
    fn default() -> Self {
        Self {
            asking: AtomicU32::new(1),
        }
    }
}

impl Pace {
    /// Does a piece of work of `amount` units, and tells it whether to ask for pages. After work that takes longer than
    /// `slow` per unit, the next pieces ask. If they are not slow, one that does not ask tells whether that was needed.
    pub fn of<T>(&self, amount: usize, slow: Duration, work: impl FnOnce(bool) -> T) -> T {
        let asking = self.asking.load(Ordering::Relaxed);
        if asking > 0 {
            // Threads may undo each other's changes. That costs a little time and nothing else.
            self.asking.store(asking - 1, Ordering::Relaxed);
        }
        self.watch(amount, slow, || work(asking > 0))
    }

    /// Does work that does not ask, or contains pieces that may. If it is slow, the next pieces ask.
    pub fn watch<T>(&self, amount: usize, slow: Duration, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        if start.elapsed() > slow.saturating_mul(amount.max(1) as u32) {
            self.asking.store(PIECES, Ordering::Relaxed);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn pages_may_be_asked_for_anywhere() {
        let bytes = vec![7u32; 3 * page_size()];
        for index in [0, 1, page_size(), bytes.len() - 1, bytes.len(), usize::MAX] {
            ask_for(&bytes, index);
            ask_for(&bytes[1..2], index);
            ask_for::<u8>(&[], index);
        }
        assert!(bytes.iter().all(|&number| number == 7));
    }

    #[test]
    fn work_asks_at_first_and_after_slow_work() {
        let (pace, slow) = (Pace::default(), Duration::from_secs(1000));
        let asked = |slow| pace.of(1, slow, |asks| asks);
        assert!(asked(slow));
        assert!(!asked(slow) && !asked(slow));
        pace.of(0, Duration::ZERO, |asks| {
            sleep(Duration::from_millis(1));
            assert!(!asks);
        });
        assert!((0..PIECES).all(|_| asked(slow)));
        assert!(!asked(slow));
        pace.watch(1, Duration::ZERO, || sleep(Duration::from_millis(1)));
        assert!(pace.watch(1, slow, || asked(slow)));
    }
}
