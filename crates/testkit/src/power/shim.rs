//! Building the preloaded library and telling a process about it.
//!
//! Owns the compiled file, which lies beside the test binary and is built again when its source changes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::failure::{self, Failure};

/// The Debian packages that [`build_shim`] needs.
pub const PACKAGES: &[&str] = &["gcc", "libc6-dev"];

const SOURCES: [(&str, &str); 5] = [
    ("fail.h", include_str!("../../shim/fail.h")),
    ("fail.c", include_str!("../../shim/fail.c")),
    ("shadow.h", include_str!("../../shim/shadow.h")),
    ("shadow.c", include_str!("../../shim/shadow.c")),
    ("power.c", include_str!("../../shim/power.c")),
];

const FLAGS: [&str; 9] = [
    "-std=gnu11",
    "-O2",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror",
    // Fortified headers would define the very functions that the library interposes.
    "-U_FORTIFY_SOURCE",
];

/// Compiles the library, unless that was done before, and returns its path.
///
/// The error is a sentence: the compiler is missing and which package has it, or what it said.
pub fn build_shim() -> Result<PathBuf, String> {
    let library = place()?;
    if library.exists() {
        return Ok(library);
    }
    let beside = library.parent().ok_or("the library has no directory")?;
    let describe = |e: std::io::Error| format!("the power shim cannot be built: {e}");
    let dir = tempfile::Builder::new()
        .prefix("power-shim-")
        .tempdir_in(beside)
        .map_err(describe)?;
    for (name, text) in SOURCES {
        std::fs::write(dir.path().join(name), text).map_err(describe)?;
    }
    let built = dir.path().join("power.so");
    let output = Command::new("gcc")
        .args(FLAGS)
        .arg("-o")
        .arg(&built)
        .args(
            SOURCES
                .iter()
                .map(|(name, _)| dir.path().join(name))
                .filter(|path| path.extension().is_some_and(|extension| extension == "c")),
        )
        .output()
        .map_err(|e| {
            let packages = PACKAGES.join(" ");
            format!("gcc cannot be run ({e}); the Debian packages are: apt-get install {packages}")
        })?;
    if !output.status.success() {
        return Err(format!("gcc: {}", String::from_utf8_lossy(&output.stderr)));
    }
    // Tests that build at the same time each put a whole file there.
    std::fs::rename(&built, &library).map_err(describe)?;
    Ok(library)
}

/// The variables that put a process under the simulator: with a shadow that [`super::arm`] made, with failures, or
/// both.
pub fn environment(
    shim: &Path,
    shadow: Option<&Path>,
    failures: &[Failure],
) -> Vec<(&'static str, OsString)> {
    let mut variables = vec![("LD_PRELOAD", shim.into())];
    if let Some(shadow) = shadow {
        variables.push(("BGCOPY_POWER_SHADOW", shadow.into()));
    }
    if !failures.is_empty() {
        variables.push(("BGCOPY_FAIL", failure::rules(failures).into()));
    }
    variables
}

/// Where the library for these sources belongs: beside the test binary, in Cargo's target directory.
fn place() -> Result<PathBuf, String> {
    let mut hasher = Sha256::new();
    for (name, text) in SOURCES {
        hasher.update(name);
        hasher.update(text);
    }
    let hash = crate::hex::encode(&hasher.finalize());
    let binary = std::env::current_exe().map_err(|e| format!("where is this program? {e}"))?;
    let dir = binary.parent().ok_or("this program has no directory")?;
    let library = dir.join(format!("bgcopy-power-{}.so", &hash[..16]));
    // The dynamic linker separates the entries of LD_PRELOAD by these, and knows no quoting.
    match library.to_str() {
        Some(path) if !path.contains([' ', ':']) => Ok(library),
        _ => Err(format!("LD_PRELOAD cannot name {}", library.display())),
    }
}
