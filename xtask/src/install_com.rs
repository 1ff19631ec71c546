//! `cargo xtask install-com`: the C library, its headers and its pkg-config file under a prefix.
//!
//! Owns how the library is built for that. What goes where says crates/com/install.sh, which packages and tests use too.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::cargo;

/// Where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that gets lib/ and include/; packages set DESTDIR as well.
    #[arg(long, value_name = "DIR")]
    prefix: PathBuf,
}

/// Builds the library for release and installs it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    cargo::run(cargo::cargo().args(["build", "--release", "-p", "bgcopy-com"]))?;
    let prefix = std::path::absolute(&args.prefix).context("the prefix is no path")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || cargo::root().join("target"),
        |target| cargo::root().join(target),
    );
    let mut install = Command::new(cargo::root().join("crates/com/install.sh"));
    install
        .arg(prefix)
        .arg(target.join("release/libdosvc.so"))
        .arg(env!("CARGO_PKG_VERSION"));
    cargo::run(&mut install)
}
