//! `libdosvc.so` as programs in C and C++ have it: installed, found by pkg-config, built against by gcc and by clang, and
//! run against a real service and an origin.
//!
//! The programs are in crates/com/abi, which check the ABI line by line, and in examples/com. Needs the packages gcc,
//! g++, clang, make, pkg-config, valgrind and libwine-dev.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use bgcopy_testkit::{
    faulty::{Origin, Resource},
    process::Daemon,
};
use support::{Service, sha256};

/// What is in crates/com/abi and takes an origin and a folder.
const PROGRAMS: [&str; 10] = [
    "callback", "contract", "download", "foreign", "leave", "nulls", "query", "slots-c", "strings",
    "threads",
];

/// A compiler of each language, by its package.
#[derive(Clone, Copy)]
struct Compilers {
    c: &'static str,
    cxx: &'static str,
    package: &'static str,
}

const GCC: Compilers = Compilers {
    c: "gcc",
    cxx: "g++",
    package: "g++",
};
const CLANG: Compilers = Compilers {
    c: "clang",
    cxx: "clang++",
    package: "clang",
};

/// Runs a tool to its end, which is a success.
fn run(command: &mut Command, package: &str) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; package {package}"));
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    format!("{}\n{out}\n{err}", output.status)
}

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The library that cargo has built for these tests, installed as a package would have it.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dosvc");
        // target/PROFILE/deps/com-HASH
        let test = std::env::current_exe().unwrap();
        let library = test.parent().unwrap().join("libdosvc.so");
        let mut install = Command::new(tree("crates/com/install.sh"));
        let version = env!("CARGO_PKG_VERSION");
        run(install.arg(&prefix).arg(library).arg(version), "coreutils");
        prefix
    })
}

/// What pkg-config says that a program needs.
fn flags(which: &[&str]) -> Vec<String> {
    let mut ask = Command::new("pkg-config");
    ask.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
    let flags = run(ask.args(which).arg("dosvc"), "pkg-config");
    flags.split_whitespace().map(str::to_owned).collect()
}

/// Where the library is when a program of the tests runs: not where the dynamic linker looks.
fn rpath() -> String {
    format!("-Wl,-rpath,{}", prefix().join("lib").display())
}

/// The folder for what these compilers build, as long as nobody else builds there: tests run side by side.
fn workshop(compilers: Compilers) -> MutexGuard<'static, PathBuf> {
    static GCCS: OnceLock<Mutex<PathBuf>> = OnceLock::new();
    static CLANGS: OnceLock<Mutex<PathBuf>> = OnceLock::new();
    let folder = if compilers.c == "gcc" { &GCCS } else { &CLANGS };
    let folder = folder.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("com-{}", compilers.c));
        // What an earlier run built was for an earlier library.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Mutex::new(folder)
    });
    folder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Builds programs of crates/com/abi; the folder where they are.
fn abi(compilers: Compilers, programs: &[&str]) -> PathBuf {
    let folder = workshop(compilers);
    let mut make = Command::new("make");
    make.arg("-C").arg(tree("crates/com/abi"));
    make.arg(format!("CC={}", compilers.c));
    make.arg(format!("CXX={}", compilers.cxx));
    make.arg(format!("OUT={}", folder.display()));
    make.arg(format!("LINK={} {}", flags(&["--libs"]).join(" "), rpath()));
    let target = |name: &&str| match *name {
        "headers" => PathBuf::from(name),
        name => folder.join(name),
    };
    make.args(programs.iter().map(target));
    run(&mut make, &format!("make, {}", compilers.package));
    folder.clone()
}

/// Builds one source as somebody would who has the library installed.
fn build(compilers: Compilers, source: &Path) -> PathBuf {
    let folder = workshop(compilers);
    let is_c = source.extension().is_some_and(|extension| extension == "c");
    let compiler = if is_c { compilers.c } else { compilers.cxx };
    let name = source.file_name().unwrap().display();
    let program = folder.join(format!("installed-{name}"));
    if !program.exists() {
        let mut compile = Command::new(compiler);
        compile
            .args(["-Wall", "-Wextra", "-Werror", "-g", "-o"])
            .arg(&program)
            .arg(source)
            .args(flags(&["--cflags", "--libs"]))
            .arg(rpath());
        run(&mut compile, compilers.package);
    }
    program
}

/// A service, and an origin with what the programs fetch.
struct World {
    service: Service,
    origin: Origin,
    content: String,
}

impl World {
    fn start() -> Self {
        // The usual patience: a machine that is busy with compilers stalls for two seconds now and then, and the next
        // try is ten minutes later.
        let (service, origin) = (Service::start_with("", &[]), Origin::start());
        let file = Resource::pattern(5, 200_000);
        let content = file.sha256();
        origin.serve("/file", file);
        origin.serve("/small", Resource::pattern(6, 1_000));
        Self {
            service,
            origin,
            content,
        }
    }

    /// A program, in the surroundings of the service and of nothing else.
    fn command(&self, program: &Path) -> Command {
        let home = self.service.command();
        let variables = home.get_envs();
        let variables = variables.filter_map(|(name, value)| Some((name, value?)));
        let mut command = Command::new(program);
        command.env_clear().envs(variables);
        command
    }

    /// Runs a program of crates/com/abi in a folder of its own.
    fn check(&self, command: &mut Command, name: &str) {
        self.check_with(command, name, &[]);
    }

    /// The same with more arguments.
    fn check_with(&self, command: &mut Command, name: &str, more: &[&str]) {
        let folder = self.service.file(name);
        fs::create_dir(&folder).unwrap();
        let url = self.origin.url("");
        let url = url.trim_end_matches('/');
        let output = command.arg(url).arg(folder).args(more).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output));
    }
}

fn the_programs_hold(compilers: Compilers) {
    let folder = abi(compilers, &PROGRAMS);
    for name in PROGRAMS {
        let world = World::start();
        let mut command = world.command(&folder.join(name));
        world.check(&mut command, name);
        let left = world.service.bgcopy(&["list", "--json"]).out;
        assert!(left.is_empty(), "{name} leaves jobs: {left}");
    }
}

#[test]
fn the_programs_that_check_the_abi_hold_when_gcc_builds_them() {
    the_programs_hold(GCC);
}

#[test]
fn the_programs_that_check_the_abi_hold_when_clang_builds_them() {
    the_programs_hold(CLANG);
}

#[test]
fn layouts_are_those_of_the_contract_in_c_and_in_cpp() {
    for compilers in [GCC, CLANG] {
        let folder = abi(compilers, &["layout-c", "layout-cpp"]);
        run(
            &mut Command::new(folder.join("layout-c")),
            compilers.package,
        );
        run(
            &mut Command::new(folder.join("layout-cpp")),
            compilers.package,
        );
    }
}

#[test]
fn slots_are_those_of_the_contract_in_cpp() {
    for compilers in [GCC, CLANG] {
        let program = abi(compilers, &["slots-cpp"]).join("slots-cpp");
        run(Command::new(program).arg("identifiers"), compilers.package);
    }
}

#[test]
fn the_library_is_loaded_twice_and_closed_while_it_has_a_connection() {
    let folder = abi(GCC, &["reload"]);
    let library = prefix().join("lib/libdosvc.so");
    for more in [None, Some("used")] {
        let world = World::start();
        let mut command = world.command(&folder.join("reload"));
        run(command.arg(&library).args(more), "");
    }
}

#[test]
fn each_header_stands_by_itself_in_c_and_in_cpp() {
    abi(GCC, &["headers"]);
}

#[test]
#[ignore = "takes a minute; cargo xtask com-checks runs it"]
fn each_header_stands_by_itself_for_clang_too() {
    abi(CLANG, &["headers"]);
}

#[test]
fn the_examples_fetch_their_file_list_it_and_tell_what_went_wrong() {
    for compilers in [GCC, CLANG] {
        let world = World::start();
        let example = |name: &str| build(compilers, &tree("examples/com").join(name));
        let url = world.origin.url("/file");
        for name in [
            "create.c",
            "callback.cpp",
            "credentials.c",
            "delivery.c",
            "http.cpp",
        ] {
            let path = world.service.file(name);
            let mut command = world.command(&example(name));
            command.arg(&url).arg(&path);
            match name {
                "credentials.c" => command.args(["user", "password"]),
                "http.cpp" => command.arg("X-Token: 1"),
                _ => &mut command,
            };
            run(&mut command, "");
            assert_eq!(sha256(&path), world.content, "{name}");
        }

        let path = world.service.file("ranges");
        run(
            world.command(&example("ranges.cpp")).arg(&url).arg(&path),
            "",
        );
        assert!(path.metadata().unwrap().len() < 200_000, "two parts of it");

        let path = world.service.file("nothing");
        let nothing = world.origin.url("/nothing");
        let words = run(
            world.command(&example("error.c")).arg(nothing).arg(path),
            "",
        );
        assert!(
            words.contains("80190194") && words.contains("404"),
            "{words}"
        );

        run(&mut world.command(&example("list.cpp")), "");
    }
}

#[test]
fn a_program_is_built_as_the_page_says() {
    let page = fs::read_to_string(tree("docs/com.md")).unwrap();
    let (_, block) = page.split_once("```sh\n").unwrap();
    let (_, line) = block.split_once('\n').unwrap();
    let line = line.split_once('\n').unwrap().0;
    let world = World::start();
    // The sources are in the tree, and what is built belongs into the test's folder.
    let line = line.replace("examples/", &format!("{}/", tree("examples").display()));
    let mut shell = Command::new("sh");
    shell.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
    shell.current_dir(world.service.downloads());
    run(shell.args(["-c", &line]), "gcc");
    let path = world.service.file("file");
    let mut program = world.command(&world.service.file("create"));
    program.env("LD_LIBRARY_PATH", prefix().join("lib"));
    run(program.arg(world.origin.url("/file")).arg(&path), "");
    assert_eq!(sha256(&path), world.content);
}

#[test]
fn a_child_made_by_fork_is_refused_what_it_inherited_and_makes_its_own() {
    let program = build(GCC, &tree("crates/com/abi/fork.c"));
    let world = World::start();
    world.check(&mut world.command(&program), "fork");
}

#[test]
fn without_a_service_the_number_is_that_of_an_unavailable_one_and_the_words_say_why() {
    let program = build(GCC, &tree("crates/com/abi/absent.c"));
    let world = World::start();
    let mut command = world.command(&program);
    command
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("BGCOPY_SOCKET");
    command.env("XDG_RUNTIME_DIR", world.service.downloads());
    command.env("BGCOPY_DAEMON", "/nowhere/bgcopyd");
    let words = run(&mut command, "");
    assert!(words.contains("/nowhere/bgcopyd"), "{words}");
}

#[test]
fn a_service_that_does_not_run_is_started() {
    let program = build(GCC, &tree("examples/com/create.c"));
    let mut world = World::start();
    world.service.terminate();
    let path = world.service.file("file");
    let mut command = world.command(&program);
    command.env("BGCOPY_DAEMON", support::PROGRAM);
    run(command.arg(world.origin.url("/file")).arg(&path), "");
    assert_eq!(sha256(&path), world.content);
    run(world.service.command().args(["daemon", "stop"]), "");
}

#[test]
fn a_service_that_was_killed_and_comes_back_calls_the_object_that_was_registered_before() {
    let program = build(GCC, &tree("examples/com/callback.cpp"));
    let mut world = World::start();
    world.origin.hold();
    let path = world.service.file("file");
    let mut command = world.command(&program);
    command.arg(world.origin.url("/file")).arg(&path);
    let mut client = Daemon::spawn(command).unwrap();
    world.origin.wait_for(|seen| !seen.is_empty());
    world.service.kill();
    world.service.launch(&[]);
    world.origin.release();
    let status = client.wait();
    assert!(status.success(), "{status}: {}", client.stderr());
    assert_eq!(sha256(&path), world.content);
}

/// A program under a tool of valgrind's, with the arguments of the tool.
fn under(world: &World, tool: &[&str], program: &Path) -> Command {
    let mut command = world.command(Path::new("/usr/bin/valgrind"));
    command.args(["--quiet", "--error-exitcode=9"]);
    command.args(tool).arg(program);
    command
}

const LEAKS: [&str; 3] = [
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect",
];

#[test]
fn valgrind_finds_nothing_lost_and_no_invalid_access_in_a_short_program() {
    let folder = abi(GCC, &["nulls"]);
    let world = World::start();
    world.check(&mut under(&world, &LEAKS, &folder.join("nulls")), "nulls");
}

#[test]
fn helgrind_finds_no_fault_with_a_few_threads() {
    helgrind(&["4", "12"]);
}

#[test]
#[ignore = "takes minutes; cargo xtask com-checks runs it"]
fn helgrind_finds_no_fault_with_8_threads_and_200_jobs() {
    helgrind(&["8", "200"]);
}

/// Runs the program of many threads under helgrind. The file of suppressions says what is left out, and why.
fn helgrind(size: &[&str]) {
    let folder = abi(GCC, &["threads"]);
    let world = World::start();
    let supp = tree("crates/com/abi/helgrind.supp");
    let supp = format!("--suppressions={}", supp.display());
    // Deep enough that the library's frames are seen below a callback's.
    let tool = [
        "--tool=helgrind",
        "--history-level=approx",
        "--num-callers=60",
        &supp,
    ];
    let program = folder.join("threads");
    let mut command = under(&world, &tool, &program);
    world.check_with(&mut command, "threads", size);
}

#[test]
#[ignore = "takes minutes; cargo xtask com-checks runs it"]
fn valgrind_finds_nothing_lost_and_no_invalid_access_in_any_program() {
    let folder = abi(GCC, &PROGRAMS);
    // A process that ends without a word has let go of nothing.
    for name in PROGRAMS.into_iter().filter(|name| *name != "leave") {
        let world = World::start();
        world.check(&mut under(&world, &LEAKS, &folder.join(name)), name);
    }
}
