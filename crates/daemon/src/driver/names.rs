//! Names that origins chose and that are not yet on the disk.
//!
//! The disk knows what is there; two files that are still being fetched know nothing of each other. What one was
//! given no other gets, until its job is final.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use bgcopy_disk::{DiskError, OwnerDisk};
use tokio::sync::Mutex;

/// The names that were given and are not yet seen on the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Held while a name is looked for, so that two never find the same.
    choosing: Arc<Mutex<()>>,
    given: Arc<std::sync::Mutex<HashSet<PathBuf>>>,
}

impl Names {
    /// Gives a name in `folder` that is like `proposed`, and that neither the disk nor anyone else has.
    pub(super) async fn choose(
        &self,
        disk: &OwnerDisk,
        folder: &Path,
        proposed: &str,
    ) -> Result<String, DiskError> {
        let _alone = self.choosing.lock().await;
        let name = disk
            .free_name(folder, proposed, self.given_in(folder))
            .await?;
        self.take(folder.join(&name));
        Ok(name)
    }

    /// A name that is given already.
    pub(super) fn take(&self, path: PathBuf) {
        self.lock().insert(path);
    }

    /// The file has its name, or will never have it.
    pub(super) fn release(&self, path: &Path) {
        self.lock().remove(path);
    }

    fn given_in(&self, folder: &Path) -> HashSet<String> {
        let given = self.lock();
        let names = given.iter().filter(|path| path.parent() == Some(folder));
        names
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
