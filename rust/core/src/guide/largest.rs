//! The largest numbers of a row, as the logits of the most probable tokens.

/// Numbers per block. The numbers of a block are `width` apart, and a row has `width` blocks.
const BLOCK: usize = 64;
/// Neighbouring blocks whose maxima are computed together.
const LANES: usize = 16;
/// Places of the row that are read in turn, so that the processor reads ahead at each of them.
const PLACES: usize = 16;

/// Writes the positions of the largest numbers of a row, the largest first. Of equal numbers, any may be among them. A NaN
/// may take a place or be left out.
///
/// The row is read once, for the maximum of each block. `count` blocks reach the `count`-th largest maximum, so as many
/// numbers do. Only blocks that reach it can hold one of the largest, so only they, and the numbers after the last block,
/// are read again. A row of fewer blocks is read whole.
pub fn largest(row: &[f32], positions: &mut [i64]) {
    let count = positions.len();
    assert!(count <= row.len(), "{count} numbers of {}", row.len());
    if count == 0 {
        return;
    }
    let maxima = maxima(row);
    let least = if count <= maxima.len() {
        let mut sorted = maxima.clone();
        *sorted
            .select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a))
            .1
    } else {
        f32::NEG_INFINITY
    };
    let width = maxima.len();
    let blocks = (0..width).filter(|&block| maxima[block] >= least);
    let of_blocks = blocks.flat_map(|block| (block..BLOCK * width).step_by(width));
    let mut kept: Vec<(f32, usize)> = of_blocks
        .chain(BLOCK * width..row.len())
        .map(|position| (row[position], position))
        // A block of nothing but NaN reaches -inf, and its numbers are then needed.
        .filter(|&(number, _)| number >= least || number.is_nan())
        .collect();
    kept.select_nth_unstable_by(count - 1, |a, b| b.0.total_cmp(&a.0));
    kept.truncate(count);
    kept.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    for (position, (_, found)) in positions.iter_mut().zip(kept) {
        *position = found as i64;
    }
}

/// Returns the maximum of each block.
fn maxima(row: &[f32]) -> Vec<f32> {
    let width = row.len() / BLOCK / LANES * LANES;
    let mut maxima = vec![f32::NEG_INFINITY; width];
    let steps = BLOCK / PLACES;
    for step in 0..steps {
        for (lanes, maxima) in maxima.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            for place in 0..PLACES {
                let start = (place * steps + step) * width + lanes * LANES;
                for (maximum, &number) in maxima.iter_mut().zip(&row[start..][..LANES]) {
                    // Unlike `f32::max`, this is one instruction for several lanes. It ignores a NaN.
                    *maximum = if number > *maximum { number } else { *maximum };
                }
            }
        }
    }
    maxima
}
