//! Signals that arrive while Rust waits for input without the GIL.

use pyo3::prelude::*;

/// Let Python handle what has arrived; false if a handler raised, as that of Ctrl-C does. `raised` gives what.
pub fn on_signal() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => true,
        Err(error) => {
            error.restore(py);
            false
        }
    })
}

/// What a handler of a signal raised during a wait.
pub fn raised(py: Python<'_>) -> Option<PyErr> {
    PyErr::take(py)
}
