//! Searches that run interleaved on one thread, so that their waits for memory overlap.
//!
//! A search of a large file spends most of its time waiting for memory. Written as an `async fn`, it prefetches what
//! it needs next, yields to the other searches, and continues when the data is there (Psaropoulos et al. 2017,
//! "Interleaving with Coroutines", section 4). There is no event to wait for: each search is polled in turn.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Searches in flight at once: enough to hide the latency of memory, few enough to keep their state in the cache.
const AT_ONCE: usize = 12;

struct GiveWay {
    given: bool,
}

impl Future for GiveWay {
    type Output = ();

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<()> {
        match std::mem::replace(&mut self.given, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// Lets the other searches run while the prefetched data arrives.
#[inline(always)]
pub fn give_way() -> impl Future<Output = ()> {
    GiveWay { given: false }
}

/// Runs one search on its own.
pub fn alone<T>(search: impl Future<Output = T>) -> T {
    let mut search = pin!(search);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(found) = search.as_mut().poll(&mut context) {
            return found;
        }
    }
}

/// Runs many searches, a few at a time. Returns their results in the order of the searches.
pub fn side_by_side<F: Future>(searches: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    so_many_at_once(AT_ONCE, searches)
}

/// Runs many searches, `at_once` at a time. Returns their results in the order of the searches.
pub fn so_many_at_once<F: Future>(
    at_once: usize,
    searches: impl IntoIterator<Item = F>,
) -> Vec<F::Output> {
    let mut waiting = searches.into_iter().enumerate();
    let first = waiting.by_ref().take(at_once);
    let mut under_way: Vec<(usize, Pin<Box<F>>)> = first
        .map(|(number, search)| (number, Box::pin(search)))
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    let mut found = Vec::new();
    while !under_way.is_empty() {
        under_way.retain_mut(|(number, search)| {
            let Poll::Ready(output) = search.as_mut().poll(&mut context) else {
                return true;
            };
            found.push((*number, output));
            waiting.next().is_some_and(|(next, another)| {
                *number = next;
                search.set(another);
                true
            })
        });
    }
    found.sort_unstable_by_key(|&(number, _)| number);
    found.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    async fn count_down(from: usize) -> usize {
        for _ in 0..from {
            give_way().await;
        }
        from
    }

    #[test]
    fn results_come_in_the_order_of_the_searches() {
        let lengths = || (0..100).map(|i| i * 37 % 100);
        assert_eq!(
            side_by_side(lengths().map(count_down)),
            lengths().collect::<Vec<_>>()
        );
        assert_eq!(alone(count_down(5)), 5);
    }

    #[test]
    fn a_search_that_gives_way_lets_the_next_one_begin() {
        let steps = RefCell::new(Vec::new());
        side_by_side((0..2).map(async |number| {
            for step in 0..3 {
                steps.borrow_mut().push((number, step));
                give_way().await;
            }
        }));
        assert_eq!(
            *steps.borrow(),
            [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
        );
    }
}
