//! The largest numbers of a row, as the logits of the most probable tokens.

/// Numbers of a block. They are `width` apart, where a row has so many blocks.
const BLOCK: usize = 64;
/// Blocks whose maxima are taken together.
const LANES: usize = 16;
/// Places of a row that are read in turn. Memory is read ahead for each of them.
const PLACES: usize = 16;

/// Writes the positions of the largest numbers of a row, the largest first. Of equal numbers, any may be among them; no
/// number is NaN.
///
/// The row is read once, for the maximum of each block. Where `count` blocks reach some maximum, as many numbers do, so only
/// these blocks, and what follows the last one, are read again.
pub fn largest(row: &[f32], positions: &mut [i64]) {
    let count = positions.len();
    assert!(count <= row.len(), "{count} numbers of {}", row.len());
    if count == 0 {
        return;
    }
    let maxima = maxima(row);
    let least = match count <= maxima.len() {
        true => {
            *maxima
                .clone()
                .select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a))
                .1
        }
        false => f32::NEG_INFINITY,
    };
    let width = maxima.len();
    let blocks = (0..width).filter(|&block| maxima[block] >= least);
    let of_blocks = blocks.flat_map(|block| (block..BLOCK * width).step_by(width));
    let mut kept: Vec<(f32, usize)> = of_blocks
        .chain(BLOCK * width..row.len())
        .map(|position| (row[position], position))
        .filter(|&(number, _)| number >= least)
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
                    // Unlike `f32::max`, this is one instruction for several lanes, because no number is NaN.
                    *maximum = if *maximum > number { *maximum } else { number };
                }
            }
        }
    }
    maxima
}
