//! `cargo xtask man`, `completions` and `check-generated`: files that the program's own definition of its command line yields.
//!
//! Owns where those files lie in the tree and the check that they are current. Must never describe a command itself: the one definition
//! is in the crate `cli`, and the program writes the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::cargo;

/// One kind of generated file.
struct Kind {
    /// The hidden subcommand of `bgcopy` that writes the files into a folder.
    subcommand: &'static str,
    /// The folder, from the workspace root; nothing else lies in it.
    folder: &'static str,
    /// The command that brings the folder up to date.
    remedy: &'static str,
}

const MAN: Kind = Kind {
    subcommand: "gen-man",
    folder: "dist/man",
    remedy: "cargo xtask man",
};

const COMPLETIONS: Kind = Kind {
    subcommand: "gen-completions",
    folder: "dist/completions",
    remedy: "cargo xtask completions",
};

/// Writes the man pages.
pub fn man() -> anyhow::Result<()> {
    write(&MAN)
}

/// Writes the shell completions.
pub fn completions() -> anyhow::Result<()> {
    write(&COMPLETIONS)
}

/// Fails, naming each file, when the tree holds other files than the program generates now.
pub fn check() -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for kind in [MAN, COMPLETIONS] {
        let fresh = tempfile::tempdir().context("cannot make a temporary folder")?;
        generate(&kind, fresh.path())?;
        let generated = read_folder(fresh.path())?;
        let stored = read_folder(&cargo::root().join(kind.folder))?;
        for difference in differences(&stored, &generated) {
            faults.push(format!("{}/{difference} (`{}`)", kind.folder, kind.remedy));
        }
    }
    if !faults.is_empty() {
        bail!(
            "generated files are out of date:\n  {}",
            faults.join("\n  ")
        );
    }
    println!("check-generated: man pages and completions are up to date.");
    Ok(())
}

/// Replaces the folder of `kind`, so that the page of a command that is gone goes too.
fn write(kind: &Kind) -> anyhow::Result<()> {
    // Generated beside the old files first: a program that fails leaves the tree as it is.
    let fresh = tempfile::tempdir().context("cannot make a temporary folder")?;
    generate(kind, fresh.path())?;
    let files = read_folder(fresh.path())?;

    let folder = cargo::root().join(kind.folder);
    let because = || format!("cannot write {}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(because)?;
    }
    fs::create_dir_all(&folder).with_context(because)?;
    for (name, content) in &files {
        fs::write(folder.join(name), content).with_context(because)?;
    }
    println!("{}: {} files.", kind.folder, files.len());
    Ok(())
}

/// Builds the program and has it write its files of `kind` into `folder`.
fn generate(kind: &Kind, folder: &Path) -> anyhow::Result<()> {
    cargo::run(
        cargo::cargo()
            .args(["run", "--quiet", "--bin", "bgcopy", "--", kind.subcommand])
            .arg(folder),
    )?;
    if read_folder(folder)?.is_empty() {
        bail!("`bgcopy {}` wrote nothing", kind.subcommand);
    }
    Ok(())
}

/// The files of a flat folder by name; a folder that is not there has none.
fn read_folder(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if !folder.exists() {
        return Ok(files);
    }
    let because = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(because)? {
        let entry = entry.with_context(because)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.insert(name, fs::read(entry.path()).with_context(because)?);
    }
    Ok(files)
}

/// One line for each file that is missing, left over or different.
fn differences(
    stored: &BTreeMap<String, Vec<u8>>,
    generated: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, content) in generated {
        match stored.get(name) {
            None => lines.push(format!("{name} is missing")),
            Some(old) if old != content => lines.push(format!("{name} differs")),
            Some(_) => {}
        }
    }
    for name in stored.keys() {
        if !generated.contains_key(name) {
            lines.push(format!("{name} is no longer generated"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::differences;
    use std::collections::BTreeMap;

    fn folder(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn equal_folders_do_not_differ() {
        let files = folder(&[("bgcopy.1", "page")]);
        assert_eq!(differences(&files, &files), Vec::<String>::new());
    }

    #[test]
    fn a_missing_a_changed_and_a_left_over_file_are_each_named() {
        let stored = folder(&[("bgcopy.1", "old"), ("bgcopy-gone.1", "page")]);
        let generated = folder(&[("bgcopy.1", "new"), ("bgcopy-get.1", "page")]);
        assert_eq!(
            differences(&stored, &generated),
            [
                "bgcopy-get.1 is missing",
                "bgcopy.1 differs",
                "bgcopy-gone.1 is no longer generated"
            ]
        );
    }
}
