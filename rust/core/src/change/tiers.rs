//! Chooses the segments to merge, so that there are few of them and none is rewritten again and again.

use std::ops::Range;

/// Maximal number of small segments, which have less than half the full size.
pub const MAX_SMALL: usize = 8;

/// Groups segments of these sizes into runs of neighbours. A run of several is to be rewritten as one text, which is
/// cut at `full` bytes.
///
/// Nothing is merged while there are at most [`MAX_SMALL`] small segments. After that, the last two neighbours are
/// merged, with every small segment directly before them that is no larger than what is already merged. Except for
/// the last few, a document therefore moves into a text of at least twice the size, which happens rarely. Segments
/// between small ones are rewritten only if there is no other way. The order is kept, since answers name the first
/// documents of a corpus.
pub fn tiered(sizes: &[u64], full: u64) -> Vec<Range<usize>> {
    let small: Vec<usize> = (0..sizes.len()).filter(|&i| sizes[i] < full / 2).collect();
    if small.len() <= MAX_SMALL {
        return apart(sizes.len());
    }
    let neighbours = |&first: &usize| small[first] + 1 == small[first + 1];
    let last = small.len() - 2;
    // The merged segments, as positions in `small`.
    let mut first = (0..=last).rev().find(neighbours).unwrap_or(last);
    let mut end = first + 2;
    let size = |range: Range<usize>| sizes[range].iter().sum::<u64>();
    while let Some(before) = first.checked_sub(1) {
        let (start, run) = (small[before], small[first]..small[end - 1] + 1);
        let enough = small.len() - (end - first) < MAX_SMALL;
        if enough && (!neighbours(&before) || size(start..run.start) > size(run)) {
            break;
        }
        first = before;
    }
    while small.len() - (end - first) >= MAX_SMALL {
        end += 1;
    }
    runs_with(small[first]..small[end - 1] + 1, sizes.len())
}

/// Groups segments of these sizes into the longest runs of neighbours of at most `full` bytes, from the first on.
pub fn packed(sizes: &[u64], full: u64) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut filled = 0;
    for (i, &size) in sizes.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if filled + size <= full => {
                run.end = i + 1;
                filled += size;
            }
            _ => {
                runs.push(i..i + 1);
                filled = size;
            }
        }
    }
    runs
}

/// Returns each segment as a run of its own.
pub fn apart(count: usize) -> Vec<Range<usize>> {
    runs_with(0..0, count)
}

/// Returns `run`, and every other segment as a run of its own.
fn runs_with(run: Range<usize>, count: usize) -> Vec<Range<usize>> {
    let alone = |range: Range<usize>| range.map(|i| i..i + 1);
    let mut runs: Vec<_> = alone(0..run.start).collect();
    runs.extend((!run.is_empty()).then(|| run.clone()));
    runs.extend(alone(run.end..count));
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: u64 = 1000;

    fn merged(sizes: &[u64], runs: &[Range<usize>]) -> Vec<u64> {
        let written = |run: &Range<usize>| -> Vec<u64> {
            let mut rest: u64 = sizes[run.clone()].iter().sum();
            if run.len() == 1 {
                return vec![rest];
            }
            let mut cut = Vec::new();
            while rest > FULL {
                cut.push(FULL);
                rest -= FULL;
            }
            cut.push(rest);
            cut
        };
        runs.iter().flat_map(written).collect()
    }

    fn small(sizes: &[u64]) -> usize {
        sizes.iter().filter(|&&size| size < FULL / 2).count()
    }

    proptest! {
        #[test]
        fn runs_are_all_segments_in_order_and_leave_at_most_eight_small_ones(
            sizes in prop::collection::vec(1..=FULL, 0..40),
        ) {
            for runs in [tiered(&sizes, FULL), packed(&sizes, FULL)] {
                let all: Vec<usize> = runs.iter().cloned().flatten().collect();
                prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
            }
            prop_assert!(small(&merged(&sizes, &tiered(&sizes, FULL))) <= MAX_SMALL);
        }

        #[test]
        fn packed_runs_fit_and_take_what_fits(
            sizes in prop::collection::vec(1..=FULL, 0..40),
        ) {
            let runs = packed(&sizes, FULL);
            let size = |run: &Range<usize>| sizes[run.clone()].iter().sum::<u64>();
            prop_assert!(runs.iter().all(|run| size(run) <= FULL));
            let full = |pair: &[Range<usize>]| size(&pair[0]) + sizes[pair[1].start] > FULL;
            prop_assert!(runs.windows(2).all(full));
        }
    }

    #[test]
    fn a_thousand_small_additions_write_each_byte_a_few_times() {
        let (mut sizes, mut written) = (vec![1_000_000], 0);
        for _ in 0..1000 {
            sizes.push(1);
            let runs = tiered(&sizes, 1 << 30);
            let rewritten = runs.iter().filter(|run| run.len() > 1).cloned().flatten();
            written += rewritten.map(|i| sizes[i]).sum::<u64>();
            sizes = runs
                .iter()
                .map(|run| sizes[run.clone()].iter().sum())
                .collect();
            assert!(sizes.len() <= MAX_SMALL);
        }
        assert!(
            written <= 10 * 1000,
            "{written} bytes written for 1000 added"
        );
    }

    #[test]
    fn up_to_eight_small_segments_stand() {
        assert_eq!(tiered(&[1; 8], FULL), apart(8));
        assert_eq!(tiered(&[1; 9], FULL), vec![0..9]);
        // The segment between two small ones is rewritten with them, if there is no other way.
        let sizes = [[1, FULL]; 9].concat();
        assert_eq!(tiered(&sizes, FULL), runs_with(14..17, 18));
        let sizes = [[1; 8].as_slice(), &[FULL, 1]].concat();
        assert_eq!(tiered(&sizes, FULL), runs_with(0..8, 10));
    }
}
