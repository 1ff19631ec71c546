//! Names of files that are not yet on the disk.
//!
//! The disk knows what is there; two files that are still being fetched know nothing of each other. A name that one
//! has, from its caller or by its origin's choice, is given to no other by its origin's choice, until its job is
//! final.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use bgcopy_disk::{DiskError, OwnerDisk};
use bgcopy_model::JobId;
use tokio::sync::Mutex;

/// The names that were given and are not yet seen on the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Held while a name is looked for, so that two never find the same.
    choosing: Arc<Mutex<()>>,
    given: Arc<std::sync::Mutex<HashMap<PathBuf, JobId>>>,
}

impl Names {
    /// Gives a name in `folder` that is like `proposed`, and that neither the disk nor anyone else has.
    pub(super) async fn choose(
        &self,
        job: JobId,
        disk: &OwnerDisk,
        folder: &Path,
        proposed: &str,
    ) -> Result<String, DiskError> {
        let _alone = self.choosing.lock().await;
        let name = disk
            .free_name(folder, proposed, self.given_in(folder))
            .await?;
        self.take(job, &folder.join(&name));
        Ok(name)
    }

    /// A name that is given already, by an origin or by a caller.
    pub(super) fn take(&self, job: JobId, path: &Path) {
        let mut given = self.lock();
        if !given.contains_key(path) {
            given.insert(path.to_owned(), job);
        }
    }

    /// The job's files have their names, or will never have them. A run that is still ending can take one more:
    /// this is called again when the job is forgotten.
    pub(super) fn release(&self, job: JobId) {
        self.lock().retain(|_, holder| *holder != job);
    }

    fn given_in(&self, folder: &Path) -> HashSet<String> {
        let given = self.lock();
        let names = given.keys().filter(|path| path.parent() == Some(folder));
        names
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, JobId>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        names.take(two, Path::new("/d/b"));
        names.release(one);
        let left = names.given_in(Path::new("/d"));
        assert_eq!(left, HashSet::from(["b".to_owned()]));
    }
}
