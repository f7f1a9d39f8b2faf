//! Threads for calls on many texts: one pool per process, made again after a fork.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Returns the pool of this process, with one thread per core, or `RAYON_NUM_THREADS` threads.
///
/// Only the forking thread lives on in the child. An inherited pool has no threads there: work given to it would
/// never be done, and it could not be shut down either.
pub fn pool() -> Arc<ThreadPool> {
    let mut current = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, pool)) = current.as_ref()
        && *owner == process::id()
    {
        return Arc::clone(pool);
    }
    let pool = ThreadPoolBuilder::new()
        .build()
        .expect("the system gives threads");
    let pool = Arc::new(pool);
    let inherited = current.replace((process::id(), Arc::clone(&pool)));
    std::mem::forget(inherited);
    pool
}
