//! `cargo xtask com-checks`: every program of the C library's tests under valgrind, and the threads' one under helgrind.
//!
//! Owns only how the tests are called. They are kept out of CI for their time; a short one of each kind is in it.

use crate::{cargo, test};

/// Runs the tests that are ignored otherwise, showing their output as it comes.
pub fn run() -> anyhow::Result<()> {
    test::run_counted(cargo::cargo().args([
        "test",
        "--test",
        "com",
        "--",
        "--ignored",
        "--nocapture",
    ]))
}
