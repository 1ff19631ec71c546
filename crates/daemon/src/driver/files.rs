//! Naming and deleting files: the disk's work, with a report to the driver at its end.

use bgcopy_disk::{DiskError, Existing, FolderAt, OwnerDisk, Published};
use bgcopy_engine::{Event, Publication, Trouble};
use bgcopy_model::{Condition, FileId, FilePhase, FileRecord, Naming, Owner};

use super::{Driver, Message, effects::Local};
use crate::crash;

/// Sets mode, time and length of a finished temporary file and syncs it.
pub(super) fn prepare(driver: &mut Driver, local: Local) {
    let disk = driver.disk.owner(local.owner);
    spawn(
        driver,
        (local.id, local.owner),
        Event::Prepared,
        async move {
            let place = Place::of(disk, &local.file)?;
            let size = local.file.size.unwrap_or(0);
            let (umask, modified) = (local.umask, local.file.modified);
            let prepared = place
                .disk
                .prepare(place.folder, place.temporary, size, umask, modified);
            let inode = prepared.await.map_err(trouble)?;
            crash::point("file-prepared");
            Ok(inode)
        },
    );
}

/// Gives a prepared file its name. Where somebody else's file has come to have the name that the origin chose, looks
/// for another; the engine records it and asks again.
pub(super) fn publish(driver: &mut Driver, local: Local) {
    let disk = driver.disk.owner(local.owner);
    let names = driver.names.clone();
    spawn(
        driver,
        (local.id, local.owner),
        Event::Published,
        async move {
            let place = Place::of(disk, &local.file)?;
            let FilePhase::Publishing { inode } = local.file.phase else {
                let detail = format!("{} is to be named before it is prepared", local.id);
                return Err(Trouble::new(Condition::Internal, detail));
            };
            let existing = match local.file.naming {
                Naming::Given => Existing::Replaced,
                Naming::Pending | Naming::Chosen => Existing::Kept,
            };
            let failed = |error: DiskError| {
                let detail = format!("{} is not in place: {error}", local.file.path.display());
                Trouble::new(error.condition, detail)
            };
            let (disk, folder) = (&place.disk, place.folder);
            let published = disk.publish(folder, place.temporary, place.name, inode, existing);
            match published.await.map_err(failed)? {
                Published::Done => {
                    crash::point("file-renamed");
                    Ok(Publication::Done)
                }
                Published::Taken => {
                    let chosen = names.choose(local.id.job, disk, folder, place.name).await;
                    let free = chosen.map_err(failed)?;
                    Ok(Publication::Taken { free })
                }
            }
        },
    );
}

/// Deletes a temporary file.
pub(super) fn discard(driver: &mut Driver, local: Local) {
    let disk = driver.disk.owner(local.owner);
    spawn(
        driver,
        (local.id, local.owner),
        Event::Discarded,
        async move {
            let place = Place::of(disk, &local.file)?;
            place
                .disk
                .discard(place.folder, place.temporary)
                .await
                .map_err(trouble)
        },
    );
}

/// Where a file is.
struct Place<'a> {
    disk: OwnerDisk,
    folder: FolderAt<'a>,
    temporary: &'a str,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn of(disk: Result<OwnerDisk, DiskError>, file: &'a FileRecord) -> Result<Self, Trouble> {
        let parts = file
            .path
            .parent()
            .zip(file.path.file_name().and_then(|name| name.to_str()));
        let Some((folder, name)) = parts else {
            let detail = format!("{} names no file in a folder", file.path.display());
            return Err(Trouble::new(Condition::InvalidName, detail));
        };
        Ok(Self {
            disk: disk.map_err(trouble)?,
            folder: FolderAt::new(folder, file.folder),
            temporary: &file.temporary,
            name,
        })
    }
}

/// Runs the work beside the driver and reports its end.
fn spawn<T: Send + 'static>(
    driver: &mut Driver,
    (id, owner): (FileId, Owner),
    event: impl FnOnce(FileId, Result<T, Trouble>) -> Event + Send + 'static,
    work: impl Future<Output = Result<T, Trouble>> + Send + 'static,
) {
    let messages = driver.messages.clone();
    let naming = driver.naming(owner);
    tokio::spawn(async move {
        // The semaphore is never closed.
        let _turn = naming.acquire().await;
        let result = work.await;
        let _ = messages.send(Message::Event(event(id, result)));
    });
}

/// What the engine needs to know of a disk's error.
pub(super) fn trouble(error: DiskError) -> Trouble {
    Trouble::new(error.condition, error.to_string())
}
