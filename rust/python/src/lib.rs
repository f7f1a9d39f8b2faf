//! `quotetune._core`: the Python face of quotetune-core. It converts, and decides nothing.

mod builder;
mod error;
mod index;
mod pool;
mod texts;
mod verify;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::builder::Builder;
    #[pymodule_export]
    use super::index::Index;
    #[pymodule_export]
    use super::verify::{check_files, read_manifest};
}
