//! `bgcopy gen-man` and `bgcopy gen-completions`: the manual pages and the completions of the shells, for packagers.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the folder is named by whoever builds the package"
)]

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man as Page;

use crate::{
    args::{Bgcopyd, Cli},
    failure::{Exit, Failure},
};

/// Writes the manual pages into a folder
#[derive(Args, Debug)]
pub struct Man {
    /// The folder; it is made when it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the completions for bash, zsh and fish into a folder
#[derive(Args, Debug)]
pub struct Completions {
    /// The folder; it is made when it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn man(arguments: &Man) -> Result<Exit, Failure> {
    in_folder(&arguments.folder, |folder| {
        let mut command = Cli::command();
        command.build();
        page(&command, folder)?;
        page(&Bgcopyd::command(), folder)
    })
}

pub fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    in_folder(&arguments.folder, |folder| {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            generate_to(shell, &mut Cli::command(), "bgcopy", folder)?;
            generate_to(shell, &mut Bgcopyd::command(), "bgcopyd", folder)?;
        }
        Ok(())
    })
}

fn in_folder(folder: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<Exit, Failure> {
    fs::create_dir_all(folder)
        .and_then(|()| write(folder))
        .map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("cannot write into {}: {error}", folder.display()),
            )
        })?;
    Ok(Exit::Ok)
}

/// Writes the page of a command and those of its commands.
fn page(command: &clap::Command, folder: &Path) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        page(sub, folder)?;
    }
    let version = env!("CARGO_PKG_VERSION");
    let page = Page::new(command.clone().version(version))
        .manual("bgcopy")
        .source(format!("bgcopy {version}"));
    let mut file = File::create(folder.join(page.get_filename()))?;
    page.render(&mut file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn every_command_that_is_not_hidden_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Man {
            folder: folder.path().join("man"),
        };
        man(&arguments).unwrap();
        let names = names(&arguments.folder);
        for name in [
            "bgcopy.1",
            "bgcopy-get.1",
            "bgcopy-daemon.1",
            "bgcopy-daemon-run.1",
            "bgcopyd.1",
        ] {
            assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("gen-")), "{names:?}");
        let text = fs::read_to_string(arguments.folder.join("bgcopy-get.1")).unwrap();
        assert!(text.contains("checksum") && text.contains("Examples"));
    }

    #[test]
    fn three_shells_have_completions() {
        let folder = tempfile::tempdir().unwrap();
        completions(&Completions {
            folder: folder.path().to_owned(),
        })
        .unwrap();
        let names = names(folder.path());
        for name in ["_bgcopy", "bgcopy.bash", "bgcopy.fish", "bgcopyd.bash"] {
            assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
        }
    }
}
