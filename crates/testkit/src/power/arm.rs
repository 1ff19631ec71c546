//! Making a shadow: all that is there counts as durable.
//!
//! Owns the shadow's layout together with `shim/shadow.c`, which documents it.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::log::{Object, escape, escape_path};
use super::pages;

/// The directories of a shadow.
const PARTS: [&str; 5] = ["ino", "data", "dirty", "keep", "live"];

/// Makes a shadow of some directories, in which everything counts as durable at this moment.
///
/// `roots` have to exist and not to lie in each other; `shadow` lies outside them, best on the same file system,
/// since files keep their inode numbers over a crash then. An older shadow there is replaced. No process may write
/// to the roots meanwhile. Where threads of the process have other users' rights, these have to be able to reach
/// `shadow`; what lies in it is open to all.
pub fn arm(roots: &[&Path], shadow: &Path) -> io::Result<()> {
    if PARTS.iter().all(|part| shadow.join(part).is_dir()) {
        fs::remove_dir_all(shadow)?;
    }
    make_shared_dir(shadow)?;
    if fs::read_dir(shadow)?.next().is_some() {
        let why = format!("{} is not empty and no shadow", shadow.display());
        return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, why));
    }
    for part in PARTS {
        make_shared_dir(&shadow.join(part))?;
    }
    let shadow = shadow.canonicalize()?;
    let mut armer = Armer {
        shadow: shadow.clone(),
        known: HashMap::new(),
        lines: Vec::new(),
        count: 0,
    };
    for root in roots {
        let root = root.canonicalize()?;
        if shadow.starts_with(&root) {
            let why = format!("the shadow lies within {}", root.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let object = armer.register(&fs::metadata(&root)?)?;
        armer
            .lines
            .push(format!("root {object} {}", escape_path(&root)));
        armer.dir(&root, &object)?;
    }
    armer.lines.push("armed\n".to_owned());
    // Last: a shadow without a log is none.
    for (name, text) in [("lock", ""), ("log", &*armer.lines.join("\n"))] {
        fs::write(shadow.join(name), text)?;
        share(&shadow.join(name), 0o666)?;
    }
    Ok(())
}

/// The name of an inode in the shadow's directory `ino`.
pub(super) fn inode_name(meta: &fs::Metadata) -> String {
    format!("{:x}-{:x}", meta.dev(), meta.ino())
}

struct Armer {
    shadow: PathBuf,
    known: HashMap<String, Object>,
    lines: Vec<String>,
    count: u64,
}

impl Armer {
    fn dir(&mut self, path: &Path, object: &str) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            self.entry(&entry.path(), entry.file_name().as_bytes(), object)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: &[u8], dir: &str) -> io::Result<()> {
        let meta = fs::symlink_metadata(path)?;
        let (kind, target) = match meta.file_type() {
            kind if kind.is_file() => ('f', "-".to_owned()),
            kind if kind.is_dir() => ('d', "-".to_owned()),
            kind if kind.is_symlink() => ('l', escape_path(&fs::read_link(path)?)),
            _ => return Ok(()),
        };
        let (object, is_new) = match self.known.get(&inode_name(&meta)) {
            Some(object) => (object.clone(), false),
            None => (self.register(&meta)?, true),
        };
        let (name, mode) = (escape(name), meta.mode());
        self.lines.push(format!(
            "create {dir} {name} {object} {kind} {mode:o} {target}"
        ));
        if kind == 'd' {
            return self.dir(path, &object);
        }
        if kind == 'f' && is_new {
            self.lines.push(meta_line(&object, &meta)?);
            let data = self.shadow.join("data").join(&object);
            pages::copy(&File::open(path)?, &File::create(&data)?)?;
            share(&data, 0o666)?;
        }
        Ok(())
    }

    fn register(&mut self, meta: &fs::Metadata) -> io::Result<Object> {
        self.count += 1;
        let object = format!("base-{}", self.count);
        let inode = inode_name(meta);
        symlink(&object, self.shadow.join("ino").join(&inode))?;
        self.known.insert(inode, object.clone());
        Ok(object)
    }
}

fn meta_line(object: &str, meta: &fs::Metadata) -> io::Result<String> {
    let since = meta
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let (seconds, nanos) = (since.as_secs(), since.subsec_nanos());
    Ok(format!("meta {object} {:o} {seconds} {nanos}", meta.mode()))
}

/// A directory that threads of the process with other rights than its own can write to.
fn make_shared_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    share(path, 0o777)
}

fn share(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}
