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
        let of_rows = positions.par_chunks_mut(count.max(1)).enumerate();
        pool().install(|| {
            of_rows.for_each(|(number, positions)| {
                let row = rows.row(number);
                let row = row.as_standard_layout();
                guide::largest(row.as_slice().expect("it is in one piece"), positions);
            });
        });
    });
    let positions = Array2::from_shape_vec((rows.nrows(), count), positions);
    positions
        .expect("`count` positions per row")
        .into_pyarray(py)
}
