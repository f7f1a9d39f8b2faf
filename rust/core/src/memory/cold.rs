//! Pages of mapped files that are not in memory.
//!
//! A read of such a page waits for the disk, so scattered reads wait one after another, while a disk answers dozens of
//! requests at once. [`ask_for`] makes requests in advance. Each is a system call, which takes longer than a read of
//! memory does, so [`Pace`] tells whether work waits for the disk.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bus_error::page_size;

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

/// Whether work with mapped files waits for pages that are not in memory.
pub struct Pace {
    /// Whether the next piece of work asks for pages.
    asks: AtomicBool,
}

impl Default for Pace {
    /// The first piece of work asks, since nothing is known yet.
    fn default() -> Self {
        Self {
            asks: AtomicBool::new(true),
        }
    }
}

impl Pace {
    /// Does a piece of work of `amount` units, and tells it whether to ask for pages.
    ///
    /// Work that reads nothing from the disk although it asks is the last that asks. Work that does not ask is not
    /// watched for reads, which would take too long; only if it takes more than `slow` per unit, and something was read
    /// meanwhile, does the next piece ask again.
    pub fn of<T>(&self, amount: usize, slow: Duration, work: impl FnOnce(bool) -> T) -> T {
        self.of_counted(amount, slow, blocks_read, work)
    }

    /// Does work that does not ask, or contains pieces that may. If it is slow, the next piece asks.
    pub fn watch<T>(&self, amount: usize, slow: Duration, work: impl FnOnce() -> T) -> T {
        self.watch_counted(amount, slow, blocks_read, work)
    }

    fn of_counted<T>(
        &self,
        amount: usize,
        slow: Duration,
        blocks: fn() -> i64,
        work: impl FnOnce(bool) -> T,
    ) -> T {
        if !self.asks.load(Ordering::Relaxed) {
            return self.watch_counted(amount, slow, blocks, || work(false));
        }
        has_read(blocks);
        let done = work(true);
        self.asks.store(has_read(blocks), Ordering::Relaxed);
        done
    }

    fn watch_counted<T>(
        &self,
        amount: usize,
        slow: Duration,
        blocks: fn() -> i64,
        work: impl FnOnce() -> T,
    ) -> T {
        let start = Instant::now();
        let done = work();
        // On a busy machine, work is also slow because the thread had no processor.
        let is_slow = start.elapsed() > slow.saturating_mul(amount.max(1) as u32);
        if is_slow && has_read(blocks) {
            self.asks.store(true, Ordering::Relaxed);
        }
        done
    }
}

thread_local! {
    /// The blocks that this thread had read when it last looked.
    static LOOKED: Cell<i64> = const { Cell::new(0) };
}

/// Tells whether this thread has read from the disk since it last asked.
fn has_read(blocks: fn() -> i64) -> bool {
    let now = blocks();
    LOOKED.replace(now) != now
}

/// Returns the blocks that this thread has read from disks, those that it asked for in advance included. Always the
/// same where the system does not count them.
fn blocks_read() -> i64 {
    #[cfg(target_os = "linux")]
    const WHOSE: libc::c_int = libc::RUSAGE_THREAD;
    #[cfg(not(target_os = "linux"))]
    const WHOSE: libc::c_int = libc::RUSAGE_SELF;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call writes at most the struct, whose bytes are all zero before, which is a valid value of it.
    // `blocks_read_never_decrease` runs this.
    let usage = unsafe {
        libc::getrusage(WHOSE, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_inblock
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const NEVER_SLOW: Duration = Duration::from_secs(1000);

    thread_local! {
        static BLOCKS: Cell<i64> = const { Cell::new(5) };
    }

    fn blocks() -> i64 {
        BLOCKS.get()
    }

    /// Does a piece of work that reads some blocks and takes a while. Returns whether it asked.
    fn work(pace: &Pace, read: i64, slow: Duration) -> bool {
        pace.of_counted(1, slow, blocks, |asks| {
            BLOCKS.set(BLOCKS.get() + read);
            sleep(Duration::from_millis(1));
            asks
        })
    }

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
    fn blocks_read_never_decrease() {
        let before = blocks_read();
        assert!(before >= 0 && blocks_read() >= before);
    }

    #[test]
    fn work_asks_as_long_as_it_reads() {
        let pace = Pace::default();
        assert!(work(&pace, 8, NEVER_SLOW));
        assert!(work(&pace, 8, Duration::ZERO));
        assert!(work(&pace, 0, Duration::ZERO));
        assert!(!work(&pace, 0, Duration::ZERO));
    }

    #[test]
    fn work_asks_again_after_slow_work_that_read() {
        let pace = Pace::default();
        assert!(work(&pace, 0, NEVER_SLOW));
        assert!(!work(&pace, 0, Duration::ZERO));
        assert!(!work(&pace, 8, Duration::ZERO));
        assert!(work(&pace, 0, NEVER_SLOW));
        assert!(!work(&pace, 8, NEVER_SLOW));
        assert!(!work(&pace, 0, NEVER_SLOW));
        pace.watch_counted(0, Duration::ZERO, blocks, || {
            BLOCKS.set(BLOCKS.get() + 8);
            sleep(Duration::from_millis(1));
        });
        assert!(work(&pace, 0, NEVER_SLOW));
    }
}
