//! Threads for calls on many texts: one pool a process, made anew after a fork.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// The pool of this process, with a thread a core, or `RAYON_NUM_THREADS`.
///
/// Only the thread that forks lives on in the child. A pool made before has no threads there: work
/// given to it would never be done, nor could it be shut down.
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
