//! `_core.largest`: the largest numbers of each row.

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use quotetune_core::guide;
use rayon::prelude::*;

use crate::pool::pool;

/// Return the positions of the largest numbers of each row, the largest first.
#[pyfunction]
pub fn largest<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f32>,
    count: usize,
) -> Bound<'py, PyArray2<i64>> {
    let rows = rows.as_array();
    let mut positions = vec![0; rows.nrows() * count];
    py.detach(|| {
        let of_rows = positions.par_chunks_mut(count.max(1)).zip(0..rows.nrows());
        pool().install(|| {
            of_rows.for_each(|(positions, number)| match rows.row(number).as_slice() {
                Some(row) => guide::largest(row, positions),
                None => guide::largest(&rows.row(number).to_vec(), positions),
            });
        });
    });
    let positions = Array2::from_shape_vec((rows.nrows(), count), positions);
    positions.expect("so many per row").into_pyarray(py)
}
