//! The folder of a benchmark: the files that are served, made once, and fresh folders for what is fetched.
//!
//! Owns everything below it but what it finds beside its own names. Everything lies on one file system, the one that is
//! measured. What was fetched is removed between the pairs, never within one, and the device is idle before each run:
//! ext4 is slow after many files were removed.

use std::{
    cell::Cell,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

/// How many small files the row of many files has.
const MANY: usize = 10_000;
const MANY_QUICK: usize = 1_000;

/// Bytes of each of them.
pub const MANY_SIZE: u64 = 10 * 1_024;

/// The folders of what is not needed again.
const PASSING: [&str; 2] = ["fetched", "services"];

/// How long the devices may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder.
pub struct Lab {
    folder: PathBuf,
    quick: bool,
    runs: Cell<usize>,
}

impl Lab {
    /// Takes a folder of its own below this one: the files that are served stay, what an earlier run fetched goes.
    pub fn open(below: &Path, quick: bool) -> anyhow::Result<Self> {
        let lab = Self {
            folder: below.join("bgcopy-bench"),
            quick,
            runs: Cell::new(0),
        };
        lab.clear()?;
        for name in PASSING {
            fs::create_dir_all(lab.folder.join(name))?;
        }
        fs::create_dir_all(lab.served())?;
        Ok(lab)
    }

    /// Removes whatever was fetched, and the queues of all services.
    pub fn clear(&self) -> anyhow::Result<()> {
        for name in PASSING {
            match fs::remove_dir_all(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// What the origin serves.
    pub fn served(&self) -> PathBuf {
        self.folder.join("served")
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether this is to try it out.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// How many small files there are.
    pub fn many_count(&self) -> usize {
        if self.quick { MANY_QUICK } else { MANY }
    }

    /// Bytes of the large file.
    pub fn large_size(&self) -> u64 {
        if self.quick { 256 << 20 } else { 4 << 30 }
    }

    /// A folder that nobody has used.
    pub fn fresh(&self, whose: &str) -> anyhow::Result<PathBuf> {
        self.runs.set(self.runs.get() + 1);
        let name = format!("{:04}-{whose}", self.runs.get());
        let folder = self.folder.join("fetched").join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// A folder for the queue of a service.
    pub fn for_service(&self) -> anyhow::Result<PathBuf> {
        self.runs.set(self.runs.get() + 1);
        let folder = self
            .folder
            .join("services")
            .join(self.runs.get().to_string());
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// A file of random bytes that is served under this name, made unless it is there.
    pub fn random(&self, name: &str, size: u64) -> anyhow::Result<PathBuf> {
        let path = self.served().join(name);
        if fs::metadata(&path).is_ok_and(|there| there.len() == size) {
            // In the page cache, as it would be if it had just been made.
            io::copy(&mut File::open(&path)?, &mut io::sink())?;
            return Ok(path);
        }
        self.require(size)?;
        write_random(&path, size).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// The names of many small files, served below `/many/`, made unless they are there.
    pub fn many(&self) -> anyhow::Result<Vec<String>> {
        let folder = self.served().join("many");
        fs::create_dir_all(&folder)?;
        let names: Vec<_> = (0..self.many_count())
            .map(|number| format!("{number:05}"))
            .collect();
        for name in &names {
            let path = folder.join(name);
            if fs::metadata(&path).is_ok_and(|there| there.len() == MANY_SIZE) {
                fs::read(&path)?;
            } else {
                write_random(&path, MANY_SIZE)?;
            }
        }
        Ok(names)
    }

    /// An error unless so many bytes more fit, with some room to spare.
    pub fn require(&self, bytes: u64) -> anyhow::Result<()> {
        let disk = rustix::fs::statvfs(&self.folder)?;
        let free = disk.f_bavail * disk.f_frsize;
        let wanted = bytes + (1 << 30);
        if free < wanted {
            let gib = |bytes: u64| bytes.div_ceil(1 << 20) / 1_024;
            bail!(
                "{} has {} GiB free and {} GiB are needed; name another folder with --folder",
                self.folder.display(),
                gib(free),
                gib(wanted) + 1,
            );
        }
        Ok(())
    }

    /// Removes what a run fetched.
    pub fn remove(&self, folder: &Path) -> anyhow::Result<()> {
        ensure!(
            folder.starts_with(&self.folder),
            "{} is not ours",
            folder.display()
        );
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
    }

    /// Waits until everything is written and no disk has anything to do. Where something else goes on writing, it says
    /// so and waits no longer.
    pub fn settle(&self) -> anyhow::Result<()> {
        // A file system writes on for a while after a sync, for example what it knows to be free now.
        const QUIET: Duration = Duration::from_millis(300);
        let folder = File::open(&self.folder)?;
        rustix::fs::syncfs(&folder)?;
        let begun = Instant::now();
        let mut before = sectors()?;
        loop {
            thread::sleep(QUIET);
            let now = sectors()?;
            if now == before {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                eprintln!("the disks do not come to rest: something else writes to them");
                return Ok(());
            }
            before = now;
            rustix::fs::syncfs(&folder)?;
        }
    }

    /// What the kernel says of the folder's file system: its kind and its device.
    pub fn file_system(&self) -> String {
        let output = Command::new("findmnt")
            .args(["-no", "FSTYPE,SOURCE", "-T"])
            .arg(&self.folder)
            .output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let words = said.unwrap_or_default();
        words.split_whitespace().collect::<Vec<_>>().join(" on ")
    }
}

/// Sectors that all devices together have written (Documentation/admin-guide/iostats.rst, field 7).
fn sectors() -> anyhow::Result<u64> {
    let counters = fs::read_to_string("/proc/diskstats")?;
    let written = counters.lines().map(|line| {
        let field = line.split_whitespace().nth(9);
        field
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    });
    Ok(written.sum())
}

/// Writes so many random bytes, and gives the file its name once they are there.
fn write_random(path: &Path, size: u64) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    let mut file = File::create(&unfinished)?;
    let mut random = File::open("/dev/urandom")?.take(size);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match random.read(&mut buffer)? {
            0 => break,
            read => file.write_all(&buffer[..read])?,
        }
    }
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// An error unless both files have the same bytes.
pub fn same_bytes(one: &Path, other: &Path) -> anyhow::Result<()> {
    let (mut a, mut b) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = a.read(&mut left)?;
        if read == 0 {
            break;
        }
        b.read_exact(&mut right[..read])
            .with_context(|| format!("{} is too short", other.display()))?;
        if left[..read] != right[..read] {
            bail!("{} differs from {}", other.display(), one.display());
        }
    }
    if b.read(&mut right)? != 0 {
        bail!("{} is too long", other.display());
    }
    Ok(())
}
