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
use clap_mangen::{
    Man as Page,
    roff::{Roff, roman},
};

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
        // `help` needs no page: it prints what the pages say.
        let mut command = Cli::command()
            .disable_help_subcommand(true)
            .mut_subcommand("daemon", |daemon| daemon.disable_help_subcommand(true));
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
    page.render_title(&mut file)?;
    page.render_name_section(&mut file)?;
    page.render_synopsis_section(&mut file)?;
    page.render_description_section(&mut file)?;
    page.render_options_section(&mut file)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut file)?;
    }
    let after = command.get_after_long_help().map(ToString::to_string);
    for (heading, lines) in sections(after.as_deref().unwrap_or_default()) {
        section(&heading, &lines).to_writer(&mut file)?;
    }
    let see_also = match command.get_name() {
        "bgcopy" => "bgcopyd(1)",
        _ => "bgcopy(1), which has the exit codes too",
    };
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]).text([roman(see_also)]);
    roff.to_writer(&mut file)
}

/// The parts of what stands after a command's options: each a heading at the margin and indented lines below it.
fn sections(text: &str) -> Vec<(String, Vec<&str>)> {
    let mut sections: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_suffix(':'), sections.last_mut()) {
            (Some(heading), _) if !line.starts_with(' ') => {
                let heading = match heading {
                    "Example" => "EXAMPLES".to_owned(),
                    // What man-pages(7) calls it.
                    "Exit codes" => "EXIT STATUS".to_owned(),
                    heading => heading.to_uppercase(),
                };
                sections.push((heading, Vec::new()));
            }
            (_, Some((_, lines))) => lines.push(line.strip_prefix("  ").unwrap_or(line)),
            (_, None) => {}
        }
    }
    for (_, lines) in &mut sections {
        let used = lines.iter().rposition(|line| !line.is_empty());
        lines.truncate(used.map_or(0, |last| last + 1));
    }
    sections
}

/// A section whose lines stay as they are.
fn section(heading: &str, lines: &[&str]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [heading]).control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []);
    roff
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
        assert!(
            !names
                .iter()
                .any(|n| n.contains("gen-") || n.contains("help")),
            "{names:?}"
        );
        let text = fs::read_to_string(arguments.folder.join("bgcopy-get.1")).unwrap();
        assert!(
            !fs::read_to_string(arguments.folder.join("bgcopy.1"))
                .unwrap()
                .contains("help(1)")
        );
        assert!(text.contains("checksum") && text.contains(".SH EXAMPLES"));
        assert!(text.contains("bgcopy get https://example.org/disk.img\n"));
    }

    #[test]
    fn what_stands_after_the_options_becomes_sections() {
        let text = "Exit codes:\n    0  done\n\nExamples:\n  Do:\n    x\n\n    y\n";
        assert_eq!(
            sections(text),
            [
                ("EXIT STATUS".to_owned(), vec!["  0  done"]),
                ("EXAMPLES".to_owned(), vec!["Do:", "  x", "", "  y"]),
            ]
        );
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
