//! The power simulator loses what was not synced, keeps what was, and notices a program that relies on luck.
//!
//! The programs under test are small Python scripts, which make the system calls that they name.
#![allow(
    clippy::disallowed_methods,
    reason = "the files that are lost are this test's own"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

use bgcopy_testkit::power::{self, Effect, Failure, Op, Restored};
use rustix::io::Errno;
use tempfile::TempDir;

/// A directory that is watched, with the shadow beside it.
struct Machine {
    dir: TempDir,
}

const PRELUDE: &str = "
import os, signal, sys
def put(path, data, flags=os.O_CREAT | os.O_WRONLY):
    fd = os.open(path, flags, 0o600)
    os.write(fd, data)
    return fd
def sync_dir(path='.'):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
def cut():
    os.kill(os.getpid(), signal.SIGKILL)
";

impl Machine {
    fn new() -> Self {
        let machine = Self {
            dir: tempfile::tempdir().expect("a directory"),
        };
        fs::create_dir(machine.root()).expect("the root");
        machine
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn shadow(&self) -> PathBuf {
        self.dir.path().join("shadow")
    }

    fn arm(&self) {
        power::arm(&[&self.root()], &self.shadow()).expect("armed");
    }

    fn python(&self, script: &str, failures: &[Failure]) -> Output {
        let shim = power::build_shim().unwrap_or_else(|e| panic!("{e}"));
        Command::new("/usr/bin/python3")
            .args(["-I", "-S", "-B", "-c", &format!("{PRELUDE}{script}")])
            .current_dir(self.root())
            .envs(power::environment(&shim, Some(&self.shadow()), failures))
            .output()
            .expect("python3, of the Debian package of that name, runs")
    }

    /// Runs a script that ends by `cut()`.
    fn run(&self, script: &str) {
        let output = self.python(script, &[]);
        assert!(
            killed(output.status),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn restore(&self, seed: u64) -> Restored {
        power::restore(&[&self.root()], &self.shadow(), seed).expect("restored")
    }

    /// The files of the root as `name=first letter of each page …`.
    fn files(&self) -> String {
        describe(&self.root())
    }
}

fn describe(dir: &Path) -> String {
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    let describe = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() {
            return format!("{name}/({})", describe(path));
        }
        let bytes = fs::read(path).expect("read");
        let letter = |page: &[u8]| {
            if page[0] == 0 {
                '0'
            } else {
                char::from(page[0])
            }
        };
        let pages: String = bytes.chunks(4096).map(letter).collect();
        format!("{name}={pages}")
    };
    names.iter().map(describe).collect::<Vec<_>>().join(" ")
}

fn killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(9)
}

/// Enough for every outcome of these small scripts to come up.
const SEEDS: u64 = 24;

/// What a power cut at the end of a script leaves, over many seeds.
fn outcomes(before: &[(&str, &str)], script: &str) -> BTreeSet<String> {
    let script = format!("{script}\ncut()");
    let outcome = |seed| {
        let machine = Machine::new();
        for (name, content) in before {
            fs::write(machine.root().join(name), content).expect("written");
        }
        machine.arm();
        machine.run(&script);
        machine.restore(seed);
        machine.files()
    };
    (0..SEEDS).map(outcome).collect()
}

fn set(expected: &[&str]) -> BTreeSet<String> {
    expected.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn nothing_is_lost_when_all_is_synced() {
    let all = outcomes(&[], "os.fsync(put('a', b'x' * 9000)); sync_dir()");
    assert_eq!(all, set(&["a=xxx"]));
}

#[test]
fn an_unsynced_name_may_be_lost_with_a_synced_content() {
    assert_eq!(
        outcomes(&[], "os.fsync(put('a', b'x' * 100))"),
        set(&["", "a=x"])
    );
}

#[test]
fn a_sync_of_the_file_system_covers_what_is_open() {
    let syncfs = "import ctypes; d = os.open('.', os.O_RDONLY); ctypes.CDLL(None).syncfs(d)";
    let put = "fd = put('a', b'x' * 9000)";
    assert_eq!(outcomes(&[], &format!("{put}; {syncfs}")), set(&["a=xxx"]));
}

#[test]
fn an_unsynced_content_may_be_lost_page_by_page_under_a_synced_name() {
    let all = outcomes(&[], "put('a', b'x' * 8192); sync_dir()");
    for expected in ["a=", "a=xx"] {
        assert!(all.contains(expected), "{all:?}");
    }
    assert!(all.iter().all(|outcome| {
        ["a=", "a=x", "a=0", "a=xx", "a=x0", "a=0x", "a=00"].contains(&outcome.as_str())
    }));
    let over = "fd = os.open('a', os.O_WRONLY); os.pwrite(fd, b'y' * 4096, 4096)";
    let old = "x".repeat(8192);
    assert_eq!(outcomes(&[("a", &old)], over), set(&["a=xx", "a=xy"]));
    let synced = format!("{over}; os.fdatasync(fd)");
    assert_eq!(outcomes(&[("a", &old)], &synced), set(&["a=xy"]));
}

#[test]
fn a_rename_without_syncing_the_file_first_is_noticed() {
    let right = "fd = put('t', b'new'); os.fsync(fd); os.rename('t', 'f'); sync_dir()";
    assert_eq!(outcomes(&[("f", "old")], right), set(&["f=n"]));
    let hasty = "fd = put('t', b'new'); os.rename('t', 'f'); sync_dir()";
    assert_eq!(outcomes(&[("f", "old")], hasty), set(&["f=", "f=0", "f=n"]));
    let unsynced = "fd = put('t', b'new'); os.fsync(fd); sync_dir(); os.rename('t', 'f')";
    assert_eq!(
        outcomes(&[("f", "old")], unsynced),
        set(&["f=n", "f=o t=n"])
    );
}

#[test]
fn removals_and_cuts_may_not_have_happened_until_they_are_synced() {
    let before = [("a", "old")];
    assert_eq!(outcomes(&before, "os.unlink('a')"), set(&["", "a=o"]));
    assert_eq!(outcomes(&before, "os.unlink('a'); sync_dir()"), set(&[""]));
    assert_eq!(
        outcomes(&before, "os.truncate('a', 0)"),
        set(&["a=", "a=o"])
    );
    let synced = "fd = os.open('a', os.O_WRONLY | os.O_TRUNC); os.fsync(fd)";
    assert_eq!(outcomes(&before, synced), set(&["a="]));
    // What lay beyond a cut is gone even if the file grows again before it is synced.
    let regrown =
        "fd = os.open('a', os.O_RDWR); os.ftruncate(fd, 0); os.ftruncate(fd, 3); os.fsync(fd)";
    assert_eq!(outcomes(&before, regrown), set(&["a=0"]));
}

#[test]
fn a_new_directory_needs_its_parent_synced() {
    let inside = "os.mkdir('d'); os.fsync(put('d/f', b'x')); sync_dir('d')";
    assert_eq!(outcomes(&[], inside), set(&["", "d/(f=x)"]));
    let both = format!("{inside}; sync_dir()");
    assert_eq!(outcomes(&[], &both), set(&["d/(f=x)"]));
    let removed = format!("{both}; os.unlink('d/f'); os.rmdir('d'); sync_dir('.')");
    assert_eq!(outcomes(&[], &removed), set(&[""]));
}

#[test]
fn links_unnamed_files_and_copies_are_seen() {
    let link = "os.fsync(put('a', b'x')); os.link('a', 'b'); os.unlink('a'); sync_dir()";
    assert_eq!(outcomes(&[], link), set(&["b=x"]));
    let unnamed = "fd = put('.', b'x', os.O_TMPFILE | os.O_RDWR); os.fsync(fd)
os.link(f'/proc/self/fd/{fd}', 'a', follow_symlinks=True, src_dir_fd=0); sync_dir()";
    assert_eq!(outcomes(&[], unnamed), set(&["a=x"]));
    let copy = "a = os.open('a', os.O_RDONLY); b = put('b', b''); os.copy_file_range(a, b, 9)
os.fsync(b); sync_dir()";
    assert_eq!(outcomes(&[("a", "xyz")], copy), set(&["a=x b=x"]));
    let vector = "fd = put('a', b''); os.writev(fd, [b'p' * 4096]); os.pwritev(fd, [b'q'], 4096)
os.fsync(fd); sync_dir()";
    assert_eq!(outcomes(&[], vector), set(&["a=pq"]));
}

#[test]
fn a_preallocated_file_keeps_its_length_and_the_synced_part() {
    let script =
        "fd = put('a', b''); os.posix_fallocate(fd, 0, 16384); os.pwrite(fd, b'x' * 4096, 4096)
os.fdatasync(fd); os.pwrite(fd, b'y' * 4096, 8192); sync_dir()";
    assert_eq!(outcomes(&[], script), set(&["a=0x00", "a=0xy0"]));
}

#[test]
fn a_stored_mapping_is_durable_after_msync() {
    let script = "import mmap
fd = os.open('a', os.O_RDWR); m = mmap.mmap(fd, 8192); m[0] = ord('y')";
    let old = "x".repeat(8192);
    assert_eq!(outcomes(&[("a", &old)], script), set(&["a=xx", "a=yx"]));
    assert_eq!(
        outcomes(&[("a", &old)], &format!("{script}; m.flush()")),
        set(&["a=yx"])
    );
}

#[test]
fn a_removed_file_that_comes_back_is_the_same_file() {
    let script = "fd = put('t', b'x'); os.chmod('t', 0o640); os.utime('t', (7, 7)); os.fsync(fd)
os.rename('t', 'f'); sync_dir(); os.write(1, str(os.fstat(fd).st_ino).encode()); os.unlink('f'); cut()";
    let mut came_back = 0;
    for seed in 0..SEEDS {
        let machine = Machine::new();
        machine.arm();
        let output = machine.python(script, &[]);
        machine.restore(seed);
        if let Ok(meta) = fs::metadata(machine.root().join("f")) {
            assert_eq!(meta.ino().to_string().as_bytes(), output.stdout);
            assert_eq!((meta.mtime(), meta.mode() & 0o777), (7, 0o640));
            came_back += 1;
        }
    }
    assert!((1..SEEDS).contains(&came_back), "{came_back} times");
}

#[test]
fn what_one_process_wrote_another_can_sync() {
    let all: BTreeSet<String> = (0..10)
        .map(|seed| {
            let machine = Machine::new();
            machine.arm();
            machine.run("put('a', b'x' * 5000); cut()");
            machine.run("os.fsync(os.open('a', os.O_RDONLY)); sync_dir(); cut()");
            machine.restore(seed);
            machine.files()
        })
        .collect();
    assert_eq!(all, set(&["a=xx"]));
}

#[test]
fn threads_that_sync_the_same_file_all_return_after_it_is_durable() {
    let script = "
import threading
fd = put('a', b'')
sync_dir()
def work(n):
    for i in range(50):
        os.pwrite(fd, bytes([97 + n]) * 4096, n * 4096)
        os.fsync(fd)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()";
    let machine = Machine::new();
    machine.arm();
    machine.run(&format!("{script}\ncut()"));
    machine.restore(0);
    assert_eq!(machine.files(), "a=abcd");
}

#[test]
fn shared_memory_files_and_sockets_are_always_lost() {
    let script = "import socket
os.fsync(put('db-shm', b'x')); socket.socket(socket.AF_UNIX).bind('s'); sync_dir()";
    assert_eq!(outcomes(&[], script), set(&[""]));
}

#[test]
fn a_restored_machine_can_be_armed_and_cut_again() {
    let machine = Machine::new();
    for round in 0..5 {
        machine.arm();
        machine.run(&format!(
            "os.fsync(put('f{round}', b'x')); sync_dir(); put('lost', b'y'); cut()"
        ));
        machine.restore(round);
        let _ = fs::remove_file(machine.root().join("lost"));
    }
    assert_eq!(machine.files(), "f0=x f1=x f2=x f3=x f4=x");
    let again = power::restore(&[&machine.root()], &machine.shadow(), 0);
    assert!(again.is_err(), "a shadow is good for one crash");
}

#[test]
fn the_chosen_calls_fail_and_no_others() {
    let machine = Machine::new();
    machine.arm();
    let script = "
fd = put('a.part', b''); other = put('b', b'')
for i in range(5):
    try:
        os.pwrite(fd, b'x', i); print('ok')
    except OSError as e: print(e.errno)
    os.pwrite(other, b'x', i)
for call in [lambda: os.rename('b', 'c'), lambda: os.unlink('b'), lambda: os.mkdir('d'),
             lambda: os.posix_fallocate(fd, 0, 9), lambda: os.fsync(fd), lambda: put('e', b'')]:
    try: call(); print('ok')
    except OSError as e: print(e.errno)";
    let failing = |op| Failure::new(op, Effect::Error(Errno::IO));
    let failures = [
        Failure::new(Op::Pwrite, Effect::Error(Errno::NOSPC))
            .on(".part")
            .calls(2..=3),
        failing(Op::Rename).on("b"),
        failing(Op::Unlink).call(1),
        failing(Op::Mkdir),
        failing(Op::Fallocate),
        failing(Op::Fsync).call(2),
        failing(Op::OpenCreate).on("e"),
    ];
    let output = machine.python(script, &failures);
    let text = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
    assert_eq!(
        text,
        "ok 28 28 ok ok 5 5 5 5 ok 5 ",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_process_dies_before_or_after_the_chosen_call() {
    for (effect, expected) in [(Effect::Kill, "a=x"), (Effect::KillAfter, "b=x")] {
        let machine = Machine::new();
        machine.arm();
        let failures = [Failure::new(Op::Rename, effect).on("a").call(1)];
        let script = "os.fsync(put('a', b'x')); sync_dir(); os.rename('a', 'b'); print('alive')";
        let output = machine.python(script, &failures);
        assert!(killed(output.status) && output.stdout.is_empty());
        assert_eq!(machine.files(), expected);
    }
}

#[test]
fn a_rule_that_cannot_be_understood_stops_the_process() {
    let shim = power::build_shim().unwrap_or_else(|e| panic!("{e}"));
    for rule in [
        "pwrite:ENOSPC:1",
        "nonsense:EIO::1",
        "write:EWHAT::1",
        "write:EIO::0",
        "write:EIO::3-2",
    ] {
        let output = Command::new("/usr/bin/python3")
            .args(["-I", "-c", "import os; os.write(1, b'x')"])
            .env("LD_PRELOAD", &shim)
            .env("BGCOPY_FAIL", rule)
            .output()
            .expect("python3 runs");
        assert!(!output.status.success(), "{rule}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("BGCOPY_FAIL"),
            "{rule}"
        );
    }
}

/// Commits rows one by one and says so after each.
fn sqlite(synchronous: &str) -> String {
    format!(
        "
import sqlite3
db = sqlite3.connect('q.db', isolation_level=None)
db.execute('PRAGMA journal_mode=WAL')
db.execute('PRAGMA synchronous={synchronous}')
db.execute('PRAGMA wal_autocheckpoint=4')
db.execute('CREATE TABLE t (n INTEGER PRIMARY KEY, pad TEXT)')
os.write(1, b'0')
for n in range(1, 8):
    db.execute('INSERT INTO t VALUES (?, ?)', (n, 'x' * 3000))
    os.write(1, str(n).encode())
cut()"
    )
}

/// Kills the writer at the `k`-th write to the database's files and cuts the power. Returns how many rows had been
/// acknowledged and how many are there; `None` for a database that is broken.
fn sqlite_crash(synchronous: &str, k: u64, seed: u64) -> (usize, Option<usize>) {
    let machine = Machine::new();
    machine.arm();
    let die = |op| Failure::new(op, Effect::Kill).on("q.db").call(k);
    let output = machine.python(&sqlite(synchronous), &[die(Op::Pwrite), die(Op::Write)]);
    assert!(
        killed(output.status),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    machine.restore(seed);
    let check = "
import sqlite3
db = sqlite3.connect('q.db')
assert db.execute('PRAGMA integrity_check').fetchone() == ('ok',)
print(db.execute('SELECT count(*) FROM t').fetchone()[0])";
    machine.arm();
    let count = machine.python(check, &[]);
    let count = String::from_utf8_lossy(&count.stdout).trim().parse().ok();
    (output.stdout.len(), count)
}

#[test]
fn sqlite_keeps_what_it_acknowledged_when_it_syncs_fully() {
    let mut with_rows = 0;
    for k in (1..60).step_by(2) {
        let (acknowledged, rows) = sqlite_crash("FULL", k, k * 7);
        // The first acknowledgement is that of the table; without it the table may be missing.
        if acknowledged > 0 {
            with_rows += 1;
            let rows = rows.unwrap_or_else(|| panic!("broken after {k} writes"));
            assert!(
                rows + 1 >= acknowledged,
                "{rows} rows of {acknowledged} after {k} writes"
            );
        }
    }
    assert!(
        with_rows > 10,
        "only {with_rows} crashes came after the first commit"
    );
}

#[test]
fn sqlite_without_syncs_is_caught_losing_rows() {
    let lost = (0..12).any(|seed| {
        let (acknowledged, rows) = sqlite_crash("OFF", 1000, seed);
        rows.is_none_or(|rows| rows + 1 < acknowledged)
    });
    assert!(lost, "the simulator noticed nothing");
}
