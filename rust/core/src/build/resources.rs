//! The threads of a build or a change, and the memory that they may take.

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::budget::Budget;
use crate::error::{Error, Result};
use crate::suffix::array;

/// Starts `threads` threads, or one per core for 0.
fn thread_pool(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Usage(format!("cannot start threads: {error}")))
}

/// Returns the threads to work on, and the memory that they may take.
pub fn resources(
    threads: usize,
    segment_bytes: u64,
    memory_limit: Option<u64>,
) -> Result<(ThreadPool, Budget)> {
    let pool = thread_pool(threads)?;
    let segment_bytes = segment_bytes.min(array::MAX_TEXT as u64);
    let budget = Budget::new(memory_limit, segment_bytes, pool.current_num_threads())?;
    Ok((pool, budget))
}
