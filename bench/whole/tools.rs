//! The command lines that are compared: ours, and those of Debian's curl, wget2 and aria2, each followed by a `sync` of
//! what it fetched.
//!
//! Owns how each tool is told the same work. No tool is tuned beyond what the work itself says: the number of
//! connections where the row has one, quiet, and no configuration file.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::service::Service;

/// Connections for many small files, for every tool that has to be told.
const AT_ONCE: usize = 16;

/// Who fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Bgcopy,
    Curl,
    Wget2,
    /// With so many connections to the origin for one file.
    Aria2(u8),
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bgcopy => f.write_str("bgcopy"),
            Self::Curl => f.write_str("curl"),
            Self::Wget2 => f.write_str("wget2"),
            Self::Aria2(connections) => write!(f, "aria2 -x{connections}"),
        }
    }
}

/// What is fetched.
#[derive(Debug)]
pub enum Work {
    /// One file.
    One {
        url: String,
        name: String,
        /// `blake3:HEX`, for ours alone: the rivals compare nothing.
        checksum: Option<String>,
        /// The authority of an https origin.
        ca_file: Option<PathBuf>,
    },
    /// Many of one folder.
    Many {
        /// The URLs, each with its name at the end.
        urls: Vec<String>,
        names: Vec<String>,
        /// The same for `curl -K`.
        curl: PathBuf,
        /// The same, one URL a line.
        list: PathBuf,
    },
}

impl Work {
    /// The names that are in the folder afterwards.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One { name, .. } => std::slice::from_ref(name),
            Self::Many { names, .. } => names,
        }
    }

    /// The commands with which a tool does it, into this folder, one after the other.
    pub fn commands(&self, tool: Tool, service: &Service, folder: &Path) -> Vec<Command> {
        if tool == Tool::Bgcopy {
            return vec![self.ours(service, folder)];
        }
        let mut fetch = service.command(program(tool), folder);
        match self {
            Self::One {
                url, name, ca_file, ..
            } => {
                let ca_file = ca_file.as_deref();
                one(&mut fetch, tool, (url, name), ca_file);
            }
            Self::Many { curl, list, .. } => many(&mut fetch, tool, curl, list),
        }
        let mut sync = service.command("sync", folder);
        sync.args(self.names());
        vec![fetch, sync]
    }

    fn ours(&self, service: &Service, folder: &Path) -> Command {
        let mut command = service.bgcopy(folder);
        command.arg("get");
        match self {
            Self::One {
                url,
                name,
                checksum,
                ..
            } => {
                command.arg("-o").arg(name);
                if let Some(checksum) = checksum {
                    command.arg("--checksum").arg(checksum);
                }
                command.arg(url);
            }
            Self::Many { urls, .. } => {
                command.args(urls);
            }
        }
        command
    }
}

fn program(tool: Tool) -> &'static str {
    match tool {
        Tool::Bgcopy => "bgcopy",
        Tool::Curl => "curl",
        Tool::Wget2 => "wget2",
        Tool::Aria2(_) => "aria2c",
    }
}

fn one(command: &mut Command, tool: Tool, (url, name): (&str, &str), ca_file: Option<&Path>) {
    match tool {
        Tool::Bgcopy => {}
        Tool::Curl => {
            command.args(["-q", "-sSf", "-o", name]);
        }
        Tool::Wget2 => {
            command.args(["-q", "-O", name]);
        }
        Tool::Aria2(connections) => {
            command.args(["-q", "--no-conf", "-o", name, "-k1M"]);
            command.args([format!("-x{connections}"), format!("-s{connections}")]);
        }
    }
    match (tool, ca_file) {
        (_, None) => {}
        (Tool::Curl, Some(file)) => {
            command.arg("--cacert").arg(file);
        }
        (_, Some(file)) => {
            command.arg(format!("--ca-certificate={}", file.display()));
        }
    }
    command.arg(url);
}

fn many(command: &mut Command, tool: Tool, curl: &Path, list: &Path) {
    match tool {
        Tool::Bgcopy => {}
        Tool::Curl => {
            command.args(["-q", "-sSf", "-Z", "--parallel-max"]);
            command.arg(AT_ONCE.to_string()).arg("-K").arg(curl);
        }
        Tool::Wget2 => {
            command.arg("-q").arg(format!("--max-threads={AT_ONCE}"));
            command.arg("-i").arg(list);
        }
        Tool::Aria2(_) => {
            command.args(["-q", "--no-conf"]);
            command.arg(format!("-j{AT_ONCE}")).arg("-i").arg(list);
        }
    }
}
