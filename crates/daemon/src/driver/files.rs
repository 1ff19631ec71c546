//! Naming and deleting files: the disk's work, with a report to the driver at its end.

use bgcopy_disk::{DiskError, Existing, FolderAt, OwnerDisk, Published};
use bgcopy_engine::{Event, Publication, Trouble};
use bgcopy_model::{Condition, FilePhase, Inode, Naming, Owner};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{Message, effects::Local, names::Names};
use crate::crash;

/// Files that are named or deleted at once: a job can have a hundred thousand, and they are synced in groups.
const AT_ONCE: usize = 256;

/// What is to be done with a file.
pub(super) enum Work {
    /// Mode, time and length of a finished temporary file are set, and it is synced.
    Prepare(Box<Local>),
    /// A prepared file gets its name.
    Publish(Box<Local>),
    /// A temporary file is deleted.
    Discard(Box<Local>),
}

impl Work {
    pub(super) const fn owner(&self) -> Owner {
        let (Self::Prepare(local) | Self::Publish(local) | Self::Discard(local)) = self;
        local.owner
    }
}

/// Names and deletes the files of one owner. What waits is a record each, not a task.
pub(super) struct Namer {
    pub(super) disk: Result<OwnerDisk, DiskError>,
    pub(super) names: Names,
    pub(super) messages: mpsc::UnboundedSender<Message>,
}

impl Namer {
    /// Works until nobody can ask any more and all is done.
    pub(super) async fn run(self, mut works: mpsc::UnboundedReceiver<Work>) {
        stream::poll_fn(|context| works.poll_recv(context))
            .for_each_concurrent(AT_ONCE, |work| self.carry_out(work))
            .await;
    }

    async fn carry_out(&self, work: Work) {
        let event = match work {
            Work::Prepare(local) => Event::Prepared(local.id, self.prepare(&local).await),
            Work::Publish(local) => Event::Published(local.id, self.publish(&local).await),
            Work::Discard(local) => Event::Discarded(local.id, self.discard(&local).await),
        };
        // A driver that is gone has no use for it.
        let _ = self.messages.send(Message::Event(event));
    }

    async fn prepare(&self, local: &Local) -> Result<Inode, Trouble> {
        let place = self.place(local)?;
        let (size, modified) = (local.file.size.unwrap_or(0), local.file.modified);
        let umask = local.umask;
        let prepared = place
            .disk
            .prepare(place.folder, place.temporary, size, umask, modified);
        let inode = prepared.await.map_err(trouble)?;
        crash::point("file-prepared");
        Ok(inode)
    }

    /// Where somebody else's file has come to have the name that the origin chose, looks for another; the engine records
    /// it and asks again.
    async fn publish(&self, local: &Local) -> Result<Publication, Trouble> {
        let place = self.place(local)?;
        let FilePhase::Transferred {
            inode: Some(inode), ..
        } = local.file.phase
        else {
            let detail = format!(
                "{} is to be named before it is known which file it is",
                local.id
            );
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
        let (disk, folder) = (place.disk, place.folder);
        let size = local.file.size.unwrap_or(0);
        let published = disk.publish(folder, place.temporary, place.name, inode, size, existing);
        match published.await.map_err(failed)? {
            Published::Done => {
                crash::point("file-renamed");
                Ok(Publication::Done)
            }
            Published::Taken => {
                let names = &self.names;
                let chosen = names.choose(local.id.job, disk, folder, place.name).await;
                let free = chosen.map_err(failed)?;
                Ok(Publication::Taken { free })
            }
        }
    }

    async fn discard(&self, local: &Local) -> Result<(), Trouble> {
        let place = self.place(local)?;
        let discarded = place.disk.discard(place.folder, place.temporary);
        discarded.await.map_err(trouble)
    }

    fn place<'a>(&'a self, local: &'a Local) -> Result<Place<'a>, Trouble> {
        let file = &local.file;
        let parts = file
            .path
            .parent()
            .zip(file.path.file_name().and_then(|name| name.to_str()));
        let Some((folder, name)) = parts else {
            let detail = format!("{} names no file in a folder", file.path.display());
            return Err(Trouble::new(Condition::InvalidName, detail));
        };
        let disk = self
            .disk
            .as_ref()
            .map_err(|error| Trouble::new(error.condition, error.to_string()))?;
        Ok(Place {
            disk,
            folder: FolderAt::new(folder, file.folder),
            temporary: &file.temporary,
            name,
        })
    }
}

/// Where a file is.
struct Place<'a> {
    disk: &'a OwnerDisk,
    folder: FolderAt<'a>,
    temporary: &'a str,
    name: &'a str,
}

/// What the engine needs to know of a disk's error.
pub(super) fn trouble(error: DiskError) -> Trouble {
    Trouble::new(error.condition, error.to_string())
}
