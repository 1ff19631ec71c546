//! How the rest of the service speaks to the driver.

use std::sync::Arc;

use bgcopy_disk::Disk;
use bgcopy_engine::{Call, Refusal, Reply};
use bgcopy_model::{Condition, FileIndex, FileSpec, JobId, JobSpec, Moment, Owner, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Message, publisher::Publisher};
use crate::clock::Clock;

/// A way to the driver. Cheap to clone; every clone speaks to the same one.
#[derive(Clone)]
pub struct Handle {
    pub(super) messages: mpsc::UnboundedSender<Message>,
    pub(super) view: Arc<Publisher>,
    pub(super) disk: Arc<Disk>,
    pub(super) clock: Clock,
    pub(super) stop: Arc<Notify>,
}

impl Handle {
    /// What the queue looks like.
    pub fn view(&self) -> &Arc<Publisher> {
        &self.view
    }

    /// Makes a job. Its destinations are looked at first, with the owner's rights.
    ///
    /// # Errors
    /// [`Refusal`], from the engine or from a destination that cannot be written.
    pub async fn create(
        &self,
        owner: Owner,
        spec: JobSpec,
        files: Vec<FileSpec>,
        resume: bool,
    ) -> Result<JobId, Refusal> {
        self.check_destinations(owner, &files).await?;
        let call = Call::Create {
            id: JobId::from_u128(uuid::Uuid::new_v4().as_u128()),
            owner,
            spec: Box::new(spec),
            files,
            resume,
        };
        match self.call(call).await? {
            Reply::Created(id) => Ok(id),
            other => Err(unexpected(other)),
        }
    }

    /// Adds files to a job, all or none; the index of the first.
    ///
    /// # Errors
    /// As [`Handle::create`].
    pub async fn add_files(&self, job: JobId, files: Vec<FileSpec>) -> Result<FileIndex, Refusal> {
        let Some(snapshot) = self.view.job(job) else {
            let detail = format!("there is no job {job}");
            return Err(Refusal::new(Condition::NotFound, detail));
        };
        self.check_destinations(snapshot.owner, &files).await?;
        match self.call(Call::AddFiles(job, files)).await? {
            Reply::Added(first) => Ok(first),
            other => Err(unexpected(other)),
        }
    }

    /// Any call; answered when what it did is durable.
    ///
    /// # Errors
    /// [`Refusal`]; also when the service is stopping.
    pub async fn call(&self, call: Call) -> Result<Reply, Refusal> {
        let (reply, answer) = oneshot::channel();
        // A driver that is gone drops the sender, which the receiver tells.
        let _ = self.messages.send(Message::Call(call, reply));
        answer.await.unwrap_or_else(|_| {
            let detail = "the service is stopping; ask again when it runs";
            Err(Refusal::new(Condition::Internal, detail))
        })
    }

    /// The wall time of a moment to come.
    pub fn moment_to_wall(&self, at: Moment) -> Timestamp {
        self.clock.wall_at(at)
    }

    /// Asks the service to stop cleanly.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    async fn check_destinations(&self, owner: Owner, files: &[FileSpec]) -> Result<(), Refusal> {
        let refuse =
            |error: bgcopy_disk::DiskError| Refusal::new(error.condition, error.to_string());
        let disk = self.disk.owner(owner).map_err(refuse)?;
        // A relative path or one with `..` is the engine's to refuse; here it would mean another place.
        let usable = files.iter().filter(|file| file.path.is_absolute());
        // Each is under way as soon as it is asked for; the owner's few threads share them.
        let checks: Vec<_> = usable
            .map(|file| disk.check_destination(&file.path))
            .collect();
        for check in checks {
            check.await.map_err(refuse)?;
        }
        Ok(())
    }
}

fn unexpected(reply: Reply) -> Refusal {
    Refusal::new(
        Condition::Internal,
        format!("the engine answered {reply:?} to another call"),
    )
}
