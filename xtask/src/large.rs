//! `cargo xtask large`: one file of 5 GiB from each real server.
//!
//! Owns only how the test is called. It is kept out of CI for its time, and built for release because it hashes every byte.

use crate::{cargo, test};

/// Runs the test that is ignored otherwise, showing its output as it comes.
pub fn run() -> anyhow::Result<()> {
    test::run_counted(cargo::cargo().args([
        "test",
        "--release",
        "--test",
        "servers",
        "--",
        "--ignored",
        "--nocapture",
    ]))
}
