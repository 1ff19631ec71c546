//! Names of files that are not yet on the disk.
//!
//! The disk knows what is there; two files that are still being fetched know nothing of each other. A name that one
//! has, from its caller or by its origin's choice, is given to no other by its origin's choice, until its job is
//! final. What others make under a name meanwhile, publishing finds out.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, MutexGuard, PoisonError},
};

use bgcopy_disk::{DiskError, FolderAt, OwnerDisk};
use bgcopy_model::JobId;
use tokio::sync::Mutex;

/// The names that were given and are not yet seen on the disk. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    given: Arc<std::sync::Mutex<Given>>,
}

/// Invariant: the names of `folders` and those of `jobs` are the same, each held by one job.
#[derive(Debug, Default)]
struct Given {
    folders: HashMap<Arc<Path>, InFolder>,
    jobs: HashMap<JobId, Vec<Taken>>,
}

/// A folder and a name in it.
type Taken = (Arc<Path>, Arc<str>);

#[derive(Debug, Default)]
struct InFolder {
    names: HashSet<Arc<str>>,
    /// Held while a name is looked for, so that two never find the same. One for each folder: one on a server that
    /// hangs holds up nobody who looks elsewhere.
    choosing: Arc<Mutex<()>>,
}

impl Names {
    /// Gives a name in `folder` that is like `proposed`, and that neither the disk nor anyone else has.
    pub(super) async fn choose(
        &self,
        job: JobId,
        disk: &OwnerDisk,
        folder: FolderAt<'_>,
        proposed: &str,
    ) -> Result<String, DiskError> {
        let path = folder.path();
        let choosing = self.lock().folder(path).choosing.clone();
        let alone = choosing.lock().await;
        let (names, inside) = (self.clone(), path.to_owned());
        let is_taken = move |name: &str| names.lock().folder(&inside).names.contains(name);
        let chosen = disk.free_name(folder, proposed, is_taken).await;
        if let Ok(name) = &chosen {
            self.take(job, &path.join(name));
        }
        drop(alone);
        drop(choosing);
        self.lock().tidy(path);
        chosen
    }

    /// A name that is given already, by an origin or by a caller.
    pub(super) fn take(&self, job: JobId, path: &Path) {
        let Some((folder, name)) = parts(path) else {
            return;
        };
        let mut given = self.lock();
        let folder = given.shared(folder);
        let inside = given.folders.entry(Arc::clone(&folder)).or_default();
        if !inside.names.contains(name) {
            let name: Arc<str> = name.into();
            inside.names.insert(Arc::clone(&name));
            given.jobs.entry(job).or_default().push((folder, name));
        }
    }

    /// The job's files have their names, or will never have them. A run that is still ending can take one more:
    /// this is called again when the job is forgotten.
    pub(super) fn release(&self, job: JobId) {
        let mut given = self.lock();
        for (folder, name) in given.jobs.remove(&job).unwrap_or_default() {
            if let Some(inside) = given.folders.get_mut(&folder) {
                inside.names.remove(&name);
                given.tidy(&folder);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    fn folder(&mut self, folder: &Path) -> &mut InFolder {
        let folder = self.shared(folder);
        self.folders.entry(folder).or_default()
    }

    /// The path of a folder, the one that all names in it share if there are any.
    fn shared(&self, folder: &Path) -> Arc<Path> {
        let known = self.folders.get_key_value(folder);
        known.map_or_else(|| folder.into(), |(path, _)| Arc::clone(path))
    }

    /// Forgets a folder without names. Whoever is choosing there holds the lock too, and must go on to exclude who
    /// comes next.
    fn tidy(&mut self, folder: &Path) {
        let unused =
            |inside: &InFolder| inside.names.is_empty() && Arc::strong_count(&inside.choosing) == 1;
        if self.folders.get(folder).is_some_and(unused) {
            self.folders.remove(folder);
        }
    }
}

fn parts(path: &Path) -> Option<(&Path, &str)> {
    path.parent().zip(path.file_name()?.to_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_gives_back_every_name_that_it_took_and_no_other() {
        let names = Names::default();
        let [one, two] = [1, 2].map(JobId::from_u128);
        names.take(one, Path::new("/d/a"));
        names.take(one, Path::new("/d/a (1)"));
        names.take(one, Path::new("/e/a"));
        names.take(two, Path::new("/d/b"));
        names.take(one, Path::new("/d/b"));
        names.release(one);
        let given = names.lock();
        let folders: Vec<_> = given.folders.keys().collect();
        assert_eq!(folders, [&Arc::from(Path::new("/d"))]);
        let left = &given.folders[Path::new("/d")].names;
        assert_eq!(*left, HashSet::from(["b".into()]));
        assert_eq!(given.jobs.len(), 1);
    }
}
