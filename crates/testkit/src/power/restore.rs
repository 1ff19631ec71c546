//! The machine comes up again: the roots become what a disk may hold after the cut.
//!
//! Owns the roots while it works; no process may use them. Inodes are moved, not copied, so that a file that
//! survives is the same file.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::arm::inode_name;
use super::log::{Kind, Log, Meta, Object};
use super::names::{self, Tree};
use super::pages;
use super::rng::Rng;

/// What a power cut took. A test may want to know that it took something at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Changes of names that had not been synced and did not survive.
    pub lost_changes: usize,
    /// Pages of files that had not been synced and did not survive.
    pub lost_pages: usize,
}

/// Turns the roots into what a machine may find after a power cut; `seed` chooses what of the unsynced survived.
///
/// The watched process has to be dead. `roots` are those of [`super::arm`], which has to be called again before the
/// next run.
pub fn restore(roots: &[&Path], shadow: &Path, seed: u64) -> io::Result<Restored> {
    let log_file = shadow.join("log");
    let log = Log::read(&log_file)?;
    let roots = roots
        .iter()
        .map(|root| root.canonicalize())
        .collect::<io::Result<Vec<_>>>()?;
    if !log.roots.iter().map(|(_, path)| path).eq(&roots) {
        let why = "the shadow was armed for other directories";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let mut rng = Rng::new(seed);
    let (tree, lost_changes) = names::settle(&log, &mut rng);
    stage_live_files(&log, shadow)?;
    let mut builder = Builder {
        log: &log,
        tree: &tree,
        shadow,
        rng,
        placed: HashMap::new(),
        restored: Restored {
            lost_changes,
            lost_pages: 0,
        },
    };
    for (object, path) in &log.roots {
        builder.dir(path, object)?;
    }
    let restored = builder.restored;
    // A second call would take the restored files for unsynced ones.
    fs::rename(&log_file, shadow.join("log.restored"))?;
    Ok(restored)
}

/// Moves everything out of the roots to `live/OBJECT`, and there too the files that had lost their last name.
fn stage_live_files(log: &Log, shadow: &Path) -> io::Result<()> {
    for (_, root) in &log.roots {
        empty(root, shadow)?;
    }
    for entry in fs::read_dir(shadow.join("keep"))? {
        let entry = entry?;
        let staged = shadow.join("live").join(entry.file_name());
        if !staged.exists() {
            fs::rename(entry.path(), staged)?;
        }
    }
    Ok(())
}

fn empty(dir: &Path, shadow: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            empty(&path, shadow)?;
        }
        let object = fs::read_link(shadow.join("ino").join(inode_name(&meta)));
        let staged = object.map(|object| shadow.join("live").join(object));
        let moved = match staged {
            Ok(staged) if !staged.exists() => fs::rename(&path, staged).is_ok(),
            // Not watched, or a second name of a file that has been moved.
            _ => false,
        };
        if !moved {
            remove(&path, &meta)?;
        }
    }
    Ok(())
}

fn remove(path: &Path, meta: &fs::Metadata) -> io::Result<()> {
    if meta.is_dir() {
        fs::remove_dir(path)
    } else {
        fs::remove_file(path)
    }
}

struct Builder<'a> {
    log: &'a Log,
    tree: &'a Tree,
    shadow: &'a Path,
    rng: Rng,
    /// Where the objects with a name are, for their further names.
    placed: HashMap<Object, PathBuf>,
    restored: Restored,
}

impl Builder<'_> {
    fn dir(&mut self, path: &Path, object: &str) -> io::Result<()> {
        for (name, object) in self.tree.entries(object) {
            // A directory may be in two places after a crash no more than before it.
            let path = path.join(OsStr::from_bytes(name));
            let staged = self.shadow.join("live").join(object);
            let Some(kind) = self.log.kinds.get(object) else {
                continue;
            };
            if name.ends_with(b"-shm") {
                continue;
            }
            match kind {
                Kind::Dir => {
                    if self.placed.contains_key(object) {
                        continue;
                    }
                    if fs::rename(&staged, &path).is_err() {
                        fs::create_dir(&path)?;
                    }
                    self.set_mode(&path, object)?;
                    self.placed.insert(object.clone(), path.clone());
                    self.dir(&path, object)?;
                }
                Kind::Symlink(target) => symlink(target, &path)?,
                Kind::File => match self.placed.get(object) {
                    Some(first) => fs::hard_link(first, &path)?,
                    None => self.file(&staged, &path, object)?,
                },
            }
        }
        Ok(())
    }

    fn file(&mut self, staged: &Path, path: &Path, object: &Object) -> io::Result<()> {
        let durable = match File::open(self.shadow.join("data").join(object)) {
            Ok(file) => Some(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        let synced = self.log.metas.get(object).copied();
        let meta = if staged.exists() {
            let live_meta = fs::metadata(staged)?;
            let modified = live_meta.modified().ok();
            let now = Meta {
                mode: live_meta.permissions().mode(),
                modified,
            };
            let live = open_for_writing(staged)?;
            self.restored.lost_pages += pages::settle(&live, durable.as_ref(), &mut self.rng)?;
            fs::rename(staged, path)?;
            if self.rng.coin() { Some(now) } else { synced }
        } else {
            let file = File::create(path)?;
            if let Some(durable) = &durable {
                pages::copy(durable, &file)?;
            }
            synced
        };
        if let Some(modified) = meta.and_then(|meta| meta.modified) {
            open_for_writing(path)?.set_modified(modified)?;
        }
        if let Some(meta) = meta {
            fs::set_permissions(path, Permissions::from_mode(meta.mode & 0o7777))?;
        }
        self.placed.insert(object.clone(), path.to_owned());
        Ok(())
    }

    fn set_mode(&self, path: &Path, object: &str) -> io::Result<()> {
        match self.log.metas.get(object) {
            Some(meta) => fs::set_permissions(path, Permissions::from_mode(meta.mode & 0o7777)),
            None => Ok(()),
        }
    }
}

/// Opens a file whose mode may forbid that to its owner.
fn open_for_writing(path: &Path) -> io::Result<File> {
    let open = || File::options().read(true).write(true).open(path);
    open().or_else(|_| {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        open()
    })
}
