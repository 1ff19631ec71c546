//! The machine's facts, without which no figure means anything.
//!
//! Owns how each is found out. What cannot be found out is said to be unknown, and stops nothing.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{lab::Lab, measure};

/// The facts, each with its name.
#[derive(Debug)]
pub struct Machine(Vec<(&'static str, String)>);

impl Machine {
    /// Finds them out; syncs a file of the folder a hundred times.
    pub fn look(lab: &Lab) -> Self {
        let sync = measure::overwriting(lab.folder(), 8_192, 101);
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let cpu = field("/proc/cpuinfo", "model name");
        Self(vec![
            ("measured", said("date", &["-u", "+%F %H:%M UTC"])),
            (
                "bgcopy",
                said("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
            ),
            ("processors", format!("{cpus}, {cpu}")),
            ("memory", memory()),
            ("freed memory", freed_memory().to_owned()),
            ("kernel", said("uname", &["-sr"])),
            (
                "system",
                field("/etc/os-release", "PRETTY_NAME").replace('"', ""),
            ),
            ("files on", lab.file_system()),
            (
                "fdatasync of 8 KiB in place",
                format!("{:.2} ms", sync.quantile(0.5)),
            ),
            ("load before", field_of_load()),
            ("compiler", said("rustc", &["--version"])),
            ("origin", said("/usr/sbin/nginx", &["-v"])),
            (
                "rivals",
                ["curl", "wget2", "aria2c"]
                    .map(|name| said(name, &["--version"]))
                    .join("; "),
            ),
        ])
    }

    /// Prints them.
    #[expect(
        clippy::print_stdout,
        reason = "a benchmark's output is what it is for"
    )]
    pub fn print(&self) {
        for (name, fact) in &self.0 {
            println!("{name:<28} {fact}");
        }
    }

    /// As a table in Markdown.
    pub fn markdown(&self) -> String {
        let rows = self
            .0
            .iter()
            .map(|(name, fact)| format!("| {name} | {fact} |\n"));
        format!("| | |\n|---|---|\n{}", rows.collect::<String>())
    }

    /// As a JSON object.
    pub fn json(&self) -> Value {
        let facts = self
            .0
            .iter()
            .map(|(name, fact)| ((*name).to_owned(), json!(fact)));
        Value::Object(facts.collect())
    }
}

/// The first line that a command says, wherever it says it.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        // curl lists its libraries behind its version, wget2 says what it is.
        let line = said.lines().next().unwrap_or_default().to_owned();
        let end = [" (x86", " - multi"]
            .iter()
            .filter_map(|word| line.find(word))
            .min();
        end.map_or(line.as_str(), |end| &line[..end]).to_owned()
    });
    known(text.unwrap_or_default())
}

/// The value of the first line of this name.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once([':', '=']));
    known(
        value
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default(),
    )
}

fn field_of_load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    known(text.split(' ').next().unwrap_or_default().to_owned())
}

fn memory() -> String {
    let total = field("/proc/meminfo", "MemTotal");
    let kibibytes = total
        .split(' ')
        .next()
        .and_then(|kib| kib.parse::<u64>().ok());
    kibibytes.map_or(total, |kib| format!("{} GiB", kib.div_ceil(1 << 20)))
}

/// Whether the host of a virtual machine takes back what is free (the kernel's free page reporting). Then each page that
/// is new costs many times as much, which those pay who write through the page cache.
fn freed_memory() -> &'static str {
    /// No block of free pages is of a higher order than ten.
    const NEVER: u32 = 11;
    let order = fs::read_to_string("/sys/module/page_reporting/parameters/page_reporting_order");
    match order.map(|order| order.trim().parse::<u32>()) {
        Ok(Ok(order)) if order < NEVER => "may go back to the host (free page reporting)",
        _ => "stays",
    }
}

fn known(fact: String) -> String {
    if fact.is_empty() {
        "unknown".to_owned()
    } else {
        fact
    }
}
