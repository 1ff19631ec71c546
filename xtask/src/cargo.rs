//! Running cargo, and finding the project's tree.
//!
//! Owns the choice of the cargo executable and of the working directory. Must never decide what is run: that is the commands' part.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// The root of the workspace.
///
/// Known when this program is compiled, so a command works from any directory inside the tree.
pub fn root() -> &'static Path {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir.parent().unwrap_or(manifest_dir)
}

/// A cargo of the same toolchain as the one that called this program, to be run at the workspace root.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs `command` with this program's standard streams; anything but success is an error that names it.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    println!("+ {shown}");
    let status = command
        .status()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// The command line of `command` as a reader would type it: the program without its directory, environment first.
pub fn show(command: &Command) -> String {
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), value?.display())));
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let arguments = command.get_args().map(|word| word.display().to_string());
    environment
        .chain([program.display().to_string()])
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::{root, show};
    use std::process::Command;

    #[test]
    fn the_root_is_the_folder_of_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_command_is_shown_with_its_environment_and_without_its_directory() {
        let mut command = Command::new("/usr/bin/apt-get");
        command.args(["install", "caddy"]).env("RUNLEVEL", "1");
        assert_eq!(show(&command), "RUNLEVEL=1 apt-get install caddy");
    }
}
