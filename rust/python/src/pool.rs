//! Threads for calls on many texts: one pool per process, made again after a fork.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// The number of threads that was asked for, and the pool with the process and the number that it was made for.
static POOL: Mutex<(usize, Option<Made>)> = Mutex::new((0, None));

struct Made {
    process: u32,
    threads: usize,
    pool: Arc<ThreadPool>,
}

/// Let calls on many texts use some threads; for 0 one per core, or `RAYON_NUM_THREADS`.
#[pyfunction]
pub fn set_threads(threads: usize) {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).0 = threads;
}

/// Returns the pool of this process, with one thread per core, or `RAYON_NUM_THREADS` threads, or as many as
/// `set_threads` asked for.
///
/// Only the forking thread lives on in the child. An inherited pool has no threads there: work given to it would
/// never be done, and it could not be shut down either.
pub fn pool() -> Arc<ThreadPool> {
    let mut current = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let (threads, made) = &mut *current;
    if let Some(made) = made
        && (made.process, made.threads) == (process::id(), *threads)
    {
        return Arc::clone(&made.pool);
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(*threads)
        .build()
        .expect("the system gives threads");
    let pool = Arc::new(pool);
    let before = made.replace(Made {
        process: process::id(),
        threads: *threads,
        pool: Arc::clone(&pool),
    });
    if let Some(before) = before
        && before.process != process::id()
    {
        std::mem::forget(before);
    }
    pool
}
