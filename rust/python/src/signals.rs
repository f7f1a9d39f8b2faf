//! Calls without the GIL: where signals are looked for, and where errors and panics of the core become Python's.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pyo3::prelude::*;
use quotetune_core::error::{Error, Result};

use crate::error::to_python;
use crate::pool::pool;

/// How often a call that takes long looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Tells work that nobody waits for it any more.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn check(&self) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

/// Does `work` on the threads of the pool, without the GIL, while this thread looks for signals.
///
/// What a handler raises, as that of Ctrl-C does, ends the call at once. The work is told to stop, and nobody waits for
/// it: if it is in the middle of a long text, it ends later, and its answer is dropped.
pub fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(&Stop) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = mpsc::channel();
    let stop = Stop::default();
    let theirs = stop.clone();
    pool().spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(|| work(&theirs)));
        // Nobody listens after a stop.
        let _ = sender.send(done);
    });
    let done = py.detach(move || -> PyResult<_> {
        loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Timeout) => {
                    Python::attach(|py| py.check_signals())
                        .inspect_err(|_| stop.0.store(true, Ordering::Relaxed))?;
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("the work sends what it gives"),
            }
        }
    });
    match done? {
        Ok(result) => result.map_err(|error| to_python(py, error)),
        Err(panic) => resume_unwind(panic),
    }
}
