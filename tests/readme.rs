//! The papers are true: every command that the README shows is run, in order and in a home of its own, and says what it
//! shows; whatever it names is there; what is generated is current; every promise of docs/semantics.md has a test.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads the project's papers"
)]

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bgcopy_testkit::process::TempHome;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_bgcopy");

/// Longer than the tour takes; it only keeps a command that hangs from hanging for ever.
const PATIENCE: Duration = Duration::from_secs(90);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// A fenced block: its language and its lines.
struct Block {
    language: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut parts = page.split("\n```");
    let mut blocks = Vec::new();
    // Text, block, text, block …
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (language, text) = block.split_once('\n').unwrap();
        blocks.push(Block {
            language: language.to_owned(),
            text: text.to_owned(),
        });
    }
    blocks
}

/// What is between backticks in the running text.
fn code_spans(page: &str) -> Vec<String> {
    let mut spans = Vec::new();
    for part in page.split("\n```").step_by(2) {
        // What is left of a closing fence.
        let text = part.trim_start_matches('`');
        spans.extend(text.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    spans
}

/// A port of the loopback that nobody else gets while this is held, and that a server can still listen on: both set
/// `SO_REUSEADDR`, and this socket does not listen (socket(7)).
struct Port {
    _socket: OwnedFd,
    number: u16,
}

impl Port {
    fn reserve() -> Self {
        use rustix::net::{
            AddressFamily, SocketAddrAny, SocketType, bind, getsockname, socket, sockopt,
        };

        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_reuseaddr(&socket, true).unwrap();
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address: SocketAddrAny = getsockname(&socket).unwrap();
        let number = SocketAddr::try_from(address).unwrap().port();
        Self {
            _socket: socket,
            number,
        }
    }
}

/// A home in which the README's commands run, with the program in PATH and a port for the tour's server.
struct Newcomer {
    home: TempHome,
    port: Port,
}

impl Newcomer {
    fn new() -> Self {
        let home = TempHome::new();
        let programs = home.path().join("bin");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(PROGRAM, programs.join("bgcopy")).unwrap();
        Self {
            home,
            port: Port::reserve(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.downloads().join("tour")
    }

    /// What the README says, here.
    fn localize(&self, text: &str) -> String {
        let port = format!("{}", self.port.number);
        text.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"))
            .replace("http.server 8000", &format!("http.server {port}"))
            .replace("/tmp/tour", self.folder().to_str().unwrap())
    }

    /// What was said here, as the README would say it.
    fn generalize(&self, text: &str) -> String {
        text.replace(&format!("127.0.0.1:{}", self.port.number), "127.0.0.1:8000")
            .replace(self.folder().to_str().unwrap(), "/tmp/tour")
    }

    /// Runs blocks of commands in one shell, which stops at the first command that fails; what each block said.
    fn run(&self, blocks: &[String]) -> Vec<String> {
        let said = |number: usize| self.home.path().join(format!("said-{number}"));
        let mut script = vec!["set -eu".to_owned()];
        for (number, block) in blocks.iter().enumerate() {
            script.push(format!("exec > '{}' 2>&1", said(number).display()));
            script.push(self.localize(block));
            if block.contains("http.server") {
                // A person is slower than a server's start.
                let listens = format!("</dev/tcp/127.0.0.1/{}", self.port.number);
                script.push(format!("until ( {listens} ) 2>&-; do sleep 0.02; done"));
            }
        }
        let file = self.home.path().join("script");
        fs::write(&file, script.join("\n")).unwrap();
        let path = format!(
            "{}:{}",
            self.home.path().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let seconds = PATIENCE.as_secs().to_string();
        let status = self
            .home
            .command("timeout")
            .args([&seconds, "bash"])
            .arg(&file)
            .env("PATH", path)
            .status()
            .expect("timeout runs (package coreutils)");
        let outputs: Vec<String> = (0..blocks.len())
            .map_while(|number| fs::read_to_string(said(number)).ok())
            .map(|text| self.generalize(&text))
            .collect();
        assert!(
            status.success(),
            "{status} in\n{}\nwhich said\n{}",
            blocks[outputs.len() - 1],
            outputs.last().unwrap()
        );
        outputs
    }
}

/// A line without what differs from one time to the next: ids, times, durations, sizes of columns, who and which
/// process.
fn kind(line: &str) -> String {
    let mut kind = String::new();
    let mut word = String::new();
    for c in line.chars().chain(['\n']) {
        if c.is_alphanumeric() || "-:./_".contains(c) {
            word.push(c);
            continue;
        }
        // As in JSON, `"name":1`.
        let value = word.trim_start_matches(':');
        kind.push_str(&word[..word.len() - value.len()]);
        kind.push_str(kind_of(value));
        word.clear();
        kind.push(c);
    }
    let words: Vec<&str> = kind.split_whitespace().collect();
    match words.as_slice() {
        ["bgcopy:", "1", "file,", size, unit, "in", ..] => format!("bgcopy: 1 file, {size} {unit}"),
        ["owner", _] => "owner".to_owned(),
        [name, "TIME", ..] => format!("{name} TIME"),
        words => words.join(" "),
    }
}

fn kind_of(word: &str) -> &str {
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    let is_id = match parts.as_slice() {
        [8] | [8, 4, 4, 4, 12] => word.split('-').all(hexadecimal),
        _ => false,
    };
    let is_time = word.ends_with('Z') && word.contains('T') && word.contains(':');
    let is_number = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    match word {
        _ if is_id => "ID",
        _ if is_time => "TIME",
        _ if is_number => "NUMBER",
        word => word,
    }
}

#[test]
fn every_command_of_the_tour_runs_and_says_what_it_shows() {
    let page = readme();
    let (_, rest) = page.split_once("\n## A short tour\n").unwrap();
    let (tour, rest) = rest.split_once("\n## ").unwrap();
    assert!(
        !rest.contains("\n```sh\n"),
        "only the tour's commands are run"
    );
    let tour = blocks(tour);
    let mut commands = Vec::new();
    let mut shown: Vec<Vec<&str>> = Vec::new();
    for block in &tour {
        if block.language == "sh" {
            commands.push(block.text.clone());
            shown.push(Vec::new());
        } else {
            shown.last_mut().unwrap().extend(block.text.lines());
        }
    }
    assert!(commands.len() > 5, "the tour has gone");

    let newcomer = Newcomer::new();
    let said = newcomer.run(&commands);
    for ((command, shown), said) in commands.iter().zip(shown).zip(&said) {
        // Progress may have been told in between, which is a matter of time.
        let mut lines = said.lines().map(kind);
        for line in shown {
            let expected = kind(line);
            assert!(
                lines.any(|line| line == expected),
                "after\n{command}\nthere is no line such as\n{line}\nin\n{said}"
            );
        }
    }
}

#[test]
fn the_first_command_fetches_a_file_and_the_second_is_what_ci_runs() {
    let page = readme();
    let first = blocks(&page).into_iter().next().unwrap();
    let lines: Vec<&str> = first.text.lines().collect();
    let [get, test] = lines.as_slice() else {
        panic!("there are two commands: {lines:?}");
    };
    let rest = get.strip_prefix("cargo run --release -- ").unwrap();
    let (command, url) = rest.rsplit_once(' ').unwrap();
    assert!(url.starts_with("https://example.org/"), "{url}");
    let newcomer = Newcomer::new();
    let said = newcomer.run(&[
        "mkdir -p /tmp/tour && cd /tmp/tour && echo content > file.iso\n\
         python3 -m http.server 8000 --bind 127.0.0.1 > /tmp/tour/server.log 2>&1 &"
            .to_owned(),
        format!("mkdir here && cd here && bgcopy {command} http://127.0.0.1:8000/file.iso"),
    ]);
    assert!(said[1].starts_with("/tmp/tour/here/file.iso\n"), "{said:?}");
    let fetched = fs::read_to_string(newcomer.folder().join("here/file.iso"));
    assert_eq!(fetched.unwrap(), "content\n");

    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let step = format!("step {test}");
    assert!(ci.lines().any(|line| line == step), "{step}");
}

/// The help of a command; a command that is not there fails.
fn help(words: &[&str]) -> String {
    let output = Command::new(PROGRAM)
        .args(words)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "there is no `bgcopy {words:?}`");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_callback_programs_that_are_shown_are_the_examples() {
    let shown = blocks(&readme());
    for (language, file) in [
        ("rust,no_run", "notify.rs"),
        ("python", "notify.py"),
        ("c", "notify.c"),
    ] {
        let example = fs::read_to_string(root().join("examples").join(file)).unwrap();
        assert!(
            example.lines().count() < 80,
            "{file} is too long to be shown"
        );
        let is_it = |block: &Block| {
            block.language == language && block.text.trim_end() == example.trim_end()
        };
        assert!(
            shown.iter().any(is_it),
            "README.md does not show examples/{file} as it is"
        );
    }
}

#[test]
fn every_command_and_option_that_is_named_exists() {
    let page = readme();
    let mut named = code_spans(&page);
    named.extend(
        blocks(&page)
            .iter()
            .filter(|block| block.language == "sh")
            .flat_map(|block| block.text.lines())
            .map(str::to_owned),
    );
    let commands: Vec<&str> = named
        .iter()
        .filter_map(|line| line.find("bgcopy").map(|at| &line[at..]))
        .filter(|line| line.starts_with("bgcopy ") || line.starts_with("bgcopyd "))
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for line in commands {
        let mut words = line.split_whitespace().peekable();
        let mut command = match words.next() {
            Some("bgcopyd") => vec!["daemon", "run"],
            _ => Vec::new(),
        };
        let options: Vec<&str> = words
            .clone()
            .filter(|word| word.starts_with('-'))
            .map(|word| word.trim_end_matches(')'))
            .collect();
        command.extend(
            words
                .filter(|word| !word.starts_with('-'))
                .take(if line.contains(" daemon ") { 2 } else { 1 }),
        );
        let help = help(&command);
        for option in options {
            let known = help
                .split_whitespace()
                .any(|word| word.trim_end_matches(',') == option);
            assert!(known, "`{line}`: there is no {option}");
        }
    }

    let tasks = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for line in named.iter().filter(|line| line.starts_with("cargo xtask ")) {
        assert!(tasks.contains(&format!("| `{line}` |")), "{line}");
    }
}

#[test]
fn every_file_that_is_named_is_there() {
    let page = readme();
    let links = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned());
    let paths = code_spans(&page)
        .into_iter()
        .filter(|span| span.starts_with("dist/"));
    for path in links.chain(paths) {
        assert!(root().join(&path).exists(), "{path}");
    }
}

#[test]
fn every_exit_code_of_the_help_is_documented_alike() {
    let page = fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    let json = fs::read_to_string(root().join("docs/json.md")).unwrap();
    let help = help(&[]);
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<(&str, &str)> = codes
        .lines()
        .map_while(|line| line.trim().split_once("  "))
        .collect();
    assert_eq!(codes.len(), 9, "{codes:?}");
    for (code, meaning) in codes {
        let row = format!("| {code} | {} |", meaning.trim());
        assert!(page.contains(&row), "docs/exit-codes.md: {row}");
        assert!(json.contains(&row), "docs/json.md: {row}");
    }
}

/// The files of a flat folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// What `cargo xtask check-generated` tells too; here it costs no build of its own.
#[test]
fn manual_pages_and_completions_are_those_that_the_program_generates() {
    for (command, folder, remedy) in [
        ("gen-man", "dist/man", "cargo xtask man"),
        (
            "gen-completions",
            "dist/completions",
            "cargo xtask completions",
        ),
    ] {
        let home = TempHome::new();
        let fresh = home.downloads().join("fresh");
        let status = home.command(PROGRAM).arg(command).arg(&fresh).status();
        assert!(status.unwrap().success());
        let (stored, generated) = (files(&root().join(folder)), files(&fresh));
        assert!(
            stored.keys().eq(generated.keys()),
            "{folder}: type `{remedy}`"
        );
        for (name, text) in generated {
            assert!(stored[&name] == text, "{folder}/{name}: type `{remedy}`");
        }
    }
}

/// Every Rust file below a folder of tests or sources.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A number such as 3.14.
type Number = (u32, u32);

fn number(text: &str) -> Option<Number> {
    let (section, rest) = text.split_once('.')?;
    Some((section.parse().ok()?, rest.parse().ok()?))
}

/// The numbers of a test's name, such as `s3_14_…` or `s2_1_and_s2_5_…`.
fn numbers_of(name: &str) -> Vec<Number> {
    let mut parts = name.split('_').peekable();
    let mut numbers = Vec::new();
    while let Some(part) = parts.next() {
        let section = part.strip_prefix('s').and_then(|it| it.parse().ok());
        if let (Some(section), Some(rest)) = (section, parts.peek().and_then(|it| it.parse().ok()))
        {
            numbers.push((section, rest));
        }
    }
    numbers
}

/// Whatever is a test in a file, by its name.
fn tests_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let (mut names, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        let name = line.trim_start_matches("async ").strip_prefix("fn ");
        match name.and_then(|rest| rest.split_once('(')) {
            Some((name, _)) if is_test => names.push(name.to_owned()),
            _ if line.starts_with("#[test]") || line.starts_with("#[tokio::test") => is_test = true,
            _ if line.starts_with("#[") => {}
            _ => is_test = false,
        }
    }
    names
}

/// docs/semantics.md: the numbers of its sentences, and the rows of its table of tests.
fn semantics() -> (Vec<Number>, Vec<String>) {
    let page = fs::read_to_string(root().join("docs/semantics.md")).unwrap();
    let (promises, table) = page.split_once(". Tests of other names\n").unwrap();
    let numbers: Vec<Number> = promises
        .lines()
        .map(|line| line.trim_start_matches("| "))
        .filter_map(|line| number(line.split_once(' ')?.0))
        .collect();
    assert!(numbers.len() > 50, "{numbers:?}");
    let rows = table.lines().filter(|row| row.starts_with("| ")).skip(1);
    (numbers, rows.map(str::to_owned).collect())
}

#[test]
fn every_promise_has_a_test_in_the_module_that_mirrors_them() {
    let (promised, _) = semantics();
    let mut files = Vec::new();
    rust_files(&root().join("tests/semantics"), &mut files);
    // What needs a feature of the package, or two users and a bus.
    files.extend(
        ["embedded.rs", "system/polkit.rs", "system/takeover.rs"]
            .map(|file| root().join("tests").join(file)),
    );
    let mut shown: BTreeMap<u32, PathBuf> = BTreeMap::new();
    let mut held = Vec::new();
    for file in files {
        let mut before = (0, 0);
        for name in tests_in(&file) {
            for number in numbers_of(&name) {
                assert!(
                    number >= before,
                    "{}: {name} comes after {before:?}; the module has the document's order",
                    file.display()
                );
                assert!(
                    promised.contains(&number),
                    "{}: {name}: docs/semantics.md has no such sentence",
                    file.display()
                );
                shown.entry(number.0).or_insert_with(|| file.clone());
                before = number;
                held.push(number);
            }
        }
    }
    for number in promised {
        if number == (5, 15) {
            // Only a queue that somebody has tampered with shows it: the engine's test holds it.
            continue;
        }
        let (section, rest) = number;
        let place = shown.get(&section).map_or_else(
            || "a new module of tests/semantics/main.rs".to_owned(),
            |file| format!("tests/semantics/{}", file.file_name().unwrap().display()),
        );
        assert!(
            held.contains(&number),
            "docs/semantics.md, {section}.{rest}: no test in tests/semantics mirrors it. Add one that runs the real \
             service to {place}, as `s{section}_{rest}_<what holds>`, behind that of the number before; further tests \
             go into the table at the document's end"
        );
    }
}

#[test]
fn every_test_that_the_promises_name_is_there() {
    let (promised, rows) = semantics();
    for row in rows {
        let [_, of, tests, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let of = of.trim();
        assert!(
            number(of).is_some_and(|number| promised.contains(&number)),
            "docs/semantics.md, the table at its end: there is no sentence {of}"
        );
        let (mut file, mut found) = (String::new(), 0);
        for name in tests.split('`').skip(1).step_by(2) {
            if Path::new(name).extension().is_some() {
                let read = fs::read_to_string(root().join(name));
                file = read.unwrap_or_else(|error| panic!("{of}: {name}: {error}"));
            } else {
                assert!(file.contains(&format!("fn {name}(")), "{of}: {name}");
                found += 1;
            }
        }
        assert!(found > 0, "{of}: the row names no test");
    }
}
