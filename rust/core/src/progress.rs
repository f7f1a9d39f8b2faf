//! Long work: its progress, and how it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;

use crate::error::{Error, Result};

/// Interval at which the caller is informed and may stop the work.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How long to wait for the threads of stopped work. A suffix sort cannot be interrupted.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// The progress of a build or a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of text processed. A byte counts each time it is read.
    pub done: u64,
    /// Bytes known so far to be processed in all; 0 while none are.
    pub total: u64,
}

/// A worker's progress, its expected total, and whether it must stop.
#[derive(Default)]
pub struct Gauge {
    done: AtomicU64,
    expected: AtomicU64,
    stopped: AtomicBool,
}

impl Gauge {
    /// Announces bytes of text that will be read, counted once per pass. Call it before the first pass, so that the
    /// progress shown does not start over with each one.
    pub fn expect(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn progress(&self) -> Progress {
        let done = self.done.load(Ordering::Relaxed);
        let total = self.expected.load(Ordering::Relaxed);
        Progress {
            done: done.min(total),
            total,
        }
    }

    pub fn check(&self) -> Result<()> {
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

/// Does `work` on the threads of `pool`, while this thread reports progress and can stop the work.
///
/// The work runs on a thread of its own that nobody waits for after a stop: in the middle of a suffix sort it ends
/// seconds later and writes nothing more.
pub fn supervise<T: Send + 'static>(
    pool: ThreadPool,
    mut progress: impl FnMut(Progress) -> Result<()>,
    work: impl FnOnce(&Gauge) -> Result<T> + Send + 'static,
) -> Result<T> {
    let gauge = Arc::new(Gauge::default());
    let (sender, receiver) = mpsc::channel();
    let worker = Arc::clone(&gauge);
    let thread = thread::spawn(move || {
        let result = pool.install(|| work(&worker));
        // After a stop, nobody receives the result.
        let _ = sender.send(result);
    });
    loop {
        if let Err(error) = progress(gauge.progress()) {
            gauge.stopped.store(true, Ordering::Relaxed);
            let _ = receiver.recv_timeout(STOP_PATIENCE);
            return Err(error);
        }
        match receiver.recv_timeout(PROGRESS_INTERVAL) {
            Ok(result) => {
                let made = result?;
                progress(gauge.progress())?;
                return Ok(made);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match thread.join() {
        Err(panic) => std::panic::resume_unwind(panic),
        Ok(()) => unreachable!("the worker sends its result before it ends"),
    }
}
