//! How far a piece of work has come, and how it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;

use crate::error::{Error, Result};

/// How often the caller hears of the work, and may stop it.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How long a stopped build waits for its threads; a suffix sort cannot be interrupted.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// How far a build has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of text done, each as often as it is gone through.
    pub done: u64,
    /// What is known to come; 0 where nothing is yet.
    pub total: u64,
}

/// What a worker has done and has still to do, and whether it is to stop.
#[derive(Default)]
pub struct Gauge {
    done: AtomicU64,
    expected: AtomicU64,
    stopped: AtomicBool,
}

impl Gauge {
    /// Announce bytes of text to go through, as often as they are gone through: before the first of them, so that what is
    /// shown of the whole work does not begin anew with each pass.
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

/// Do `work` on the threads of `pool`, while this thread reports and can stop it.
///
/// The work has a thread of its own that nobody waits for after a stop: in the middle of a suffix
/// sort it ends seconds later, writes nothing more, and is forgotten.
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
        // Nobody listens after a stop.
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
