//! How the rest of the service speaks to the driver.

use std::{collections::BTreeSet, sync::Arc};

use bgcopy_disk::Disk;
use bgcopy_engine::{Call, Connection, DownloadCall, Event, Refusal, Reply};
use bgcopy_model::{
    ByteRange, ClientContext, Condition, DownloadProperty, DownloadRecord, DownloadState,
    FileIndex, FileSpec, JobId, JobSpec, Moment, Owner, Timestamp,
};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Message, callbacks::Target, heads::Heads, publisher::Publisher, streams::Stream};
use crate::clock::Clock;

/// Destinations that are looked at at once: a call can name a hundred thousand.
const CHECKS_AT_ONCE: usize = 512;

/// Where the answer to a call goes.
pub(super) type Answer = oneshot::Sender<Result<Reply, Refusal>>;

/// What a new job has besides what is recorded of it, set before anything else can happen to it.
#[derive(Default)]
pub struct Extras {
    /// Its callback object.
    pub target: Option<Target>,
}

/// A way to the driver. Cheap to clone; every clone speaks to the same one.
#[derive(Clone)]
pub struct Handle {
    pub(super) messages: mpsc::UnboundedSender<Message>,
    pub(super) view: Arc<Publisher>,
    pub(super) disk: Arc<Disk>,
    pub(super) heads: Heads,
    pub(super) clock: Clock,
    pub(super) stop: Arc<Notify>,
}

impl Handle {
    /// What the queue looks like.
    pub fn view(&self) -> &Arc<Publisher> {
        &self.view
    }

    /// The file system that the driver works on.
    pub fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    /// The heads of the last answers.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Makes a job. Its destinations are looked at first, with the owner's rights.
    ///
    /// # Errors
    /// [`Refusal`], from the engine or from a destination that cannot be written.
    pub async fn create(
        &self,
        owner: Owner,
        spec: JobSpec,
        mut files: Vec<FileSpec>,
        resume: bool,
        extras: Extras,
    ) -> Result<JobId, Refusal> {
        self.check_destinations(owner, &mut files).await?;
        let id = JobId::from_u128(uuid::Uuid::new_v4().as_u128());
        let call = Call::Create {
            id,
            owner,
            spec: Box::new(spec),
            files,
            resume,
        };
        // Both are in the driver's queue, in this order, before anything is waited for.
        let made = self.send(call);
        let registered = extras
            .target
            .map(|target| self.send_interface(id, Some(target)));
        let made = match answered(made).await? {
            Reply::Created(id) => id,
            other => return Err(unexpected(other)),
        };
        if let Some(answer) = registered {
            answered(answer).await?;
        }
        Ok(made)
    }

    /// Adds files to a job, all or none; the index of the first.
    ///
    /// # Errors
    /// As [`Handle::create`].
    pub async fn add_files(
        &self,
        job: JobId,
        mut files: Vec<FileSpec>,
    ) -> Result<FileIndex, Refusal> {
        let Some(snapshot) = self.view.job(job) else {
            let detail = format!("there is no job {job}");
            return Err(Refusal::new(Condition::NotFound, detail));
        };
        self.check_destinations(snapshot.owner, &mut files).await?;
        match self.call(Call::AddFiles(job, files)).await? {
            Reply::Added(first) => Ok(first),
            other => Err(unexpected(other)),
        }
    }

    /// Gives a job to another owner, who must be able to make its files. What was registered with the old owner is not
    /// called any more.
    ///
    /// # Errors
    /// As [`Handle::create`]; [`Condition::NewOwnerNoAccess`] when a destination is not the new owner's to write.
    pub async fn take_ownership(&self, job: JobId, owner: Owner) -> Result<(), Refusal> {
        let Some(snapshot) = self.view.job(job) else {
            let detail = format!("there is no job {job}");
            return Err(Refusal::new(Condition::NotFound, detail));
        };
        let unnamed = snapshot.files.iter();
        let unnamed = unnamed.filter(|file| !file.progress().completed);
        // Files of one folder share its answer; what is to be under the name is looked at once more when it is given.
        let folders: BTreeSet<_> = unnamed.filter_map(|file| file.path().parent()).collect();
        let disk = self.disk.owner(owner);
        let refuse = |error: bgcopy_disk::DiskError| {
            Refusal::new(Condition::NewOwnerNoAccess, error.to_string())
        };
        let disk = disk.map_err(refuse)?;
        for folder in folders {
            // With a separator at its end: a folder in which the name is still to come.
            let checked = disk.check_destination(&folder.join(""));
            checked.await.map_err(refuse)?;
        }
        self.call(Call::TakeOwnership(job, owner)).await?;
        // The engine has let go of it already; this is for whoever asks which object the job has.
        self.set_notify_interface(job, None).await
    }

    /// Makes a download.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn create_download(
        &self,
        owner: Owner,
        record: DownloadRecord,
        context: ClientContext,
    ) -> Result<JobId, Refusal> {
        let id = JobId::from_u128(uuid::Uuid::new_v4().as_u128());
        let call = Call::CreateDownload {
            id,
            owner,
            record: Box::new(record),
            context,
        };
        match self.call(call).await? {
            Reply::Created(id) => Ok(id),
            other => Err(unexpected(other)),
        }
    }

    /// Starts a download. Before the first time its destination is looked at, with the owner's rights.
    ///
    /// # Errors
    /// [`Refusal`], from the engine or from a destination that cannot be written.
    pub async fn start_download(&self, id: JobId, ranges: Vec<ByteRange>) -> Result<(), Refusal> {
        let mut folder = None;
        if let Some(job) = self.view.download(id)
            && let Some(download) = &job.download
            && download.state == DownloadState::Created
            && download.record.text(DownloadProperty::Uri).is_some()
            && let Some(path) = download.record.text(DownloadProperty::LocalPath)
        {
            let disk = self.disk.owner(job.owner).map_err(unusable)?;
            let check = disk.check_destination(path.as_ref());
            folder = Some(check.await.map_err(unusable)?);
        }
        let call = Call::Download(id, DownloadCall::Start(ranges, folder));
        self.call(call).await.map(drop)
    }

    /// Has a download's bytes go to this stream.
    ///
    /// # Errors
    /// [`Refusal`], as [`Handle::call`]; [`Condition::ResourcesExhausted`] when there are too many.
    pub async fn set_stream(&self, id: JobId, stream: Stream) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        let message = Message::SetStream(id, Box::new(stream), reply);
        let _ = self.messages.send(message);
        answered(answer).await.map(drop)
    }

    /// Any call; answered when what it did is durable.
    ///
    /// # Errors
    /// [`Refusal`]; also when the service is stopping.
    pub async fn call(&self, call: Call) -> Result<Reply, Refusal> {
        answered(self.send(call)).await
    }

    /// Makes an object a job's callback object, in place of the one it had; `None`: none any more.
    ///
    /// # Errors
    /// [`Refusal`], as [`Handle::call`].
    pub async fn set_notify_interface(
        &self,
        job: JobId,
        target: Option<Target>,
    ) -> Result<(), Refusal> {
        answered(self.send_interface(job, target)).await.map(drop)
    }

    /// The callback object of a job.
    pub async fn notify_interface(&self, job: JobId) -> Option<Target> {
        let (reply, answer) = oneshot::channel();
        let _ = self.messages.send(Message::NotifyInterface(job, reply));
        answer.await.ok().flatten()
    }

    /// A client is gone, and its callback objects with it.
    pub fn connection_gone(&self, connection: Connection) {
        self.view.statuses().gone(connection);
        let event = Event::ConnectionGone(connection);
        let _ = self.messages.send(Message::Event(event));
    }

    /// The wall time of a moment to come.
    pub fn moment_to_wall(&self, at: Moment) -> Timestamp {
        self.clock.wall_at(at)
    }

    /// Asks the service to stop cleanly.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    // A driver that is gone drops the sender of the answer, which its receiver tells.

    fn send(&self, call: Call) -> oneshot::Receiver<Result<Reply, Refusal>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.messages.send(Message::Call(call, reply));
        answer
    }

    fn send_interface(
        &self,
        job: JobId,
        target: Option<Target>,
    ) -> oneshot::Receiver<Result<Reply, Refusal>> {
        let (reply, answer) = oneshot::channel();
        let message = Message::SetNotifyInterface(job, target, reply);
        let _ = self.messages.send(message);
        answer
    }

    /// Checks where the files are to go, and notes which folders those are.
    async fn check_destinations(
        &self,
        owner: Owner,
        files: &mut [FileSpec],
    ) -> Result<(), Refusal> {
        let disk = self.disk.owner(owner).map_err(unusable)?;
        // A relative path or one with `..` is the engine's to refuse; here it would mean another place.
        let mut usable = files.iter_mut().filter(|file| file.path.is_absolute());
        loop {
            // Each is under way as soon as it is asked for; the owner's few threads share them.
            let checks: Vec<_> = usable
                .by_ref()
                .take(CHECKS_AT_ONCE)
                .map(|file| (disk.check_destination(&file.path), file))
                .collect();
            if checks.is_empty() {
                return Ok(());
            }
            for (check, file) in checks {
                file.folder = Some(check.await.map_err(unusable)?);
            }
        }
    }
}

async fn answered(answer: oneshot::Receiver<Result<Reply, Refusal>>) -> Result<Reply, Refusal> {
    answer.await.unwrap_or_else(|_| {
        let detail = "the service is stopping; ask again when it runs";
        Err(Refusal::new(Condition::Internal, detail))
    })
}

/// The refusal of a destination.
fn unusable(error: bgcopy_disk::DiskError) -> Refusal {
    Refusal::new(error.condition, error.to_string())
}

fn unexpected(reply: Reply) -> Refusal {
    Refusal::new(
        Condition::Internal,
        format!("the engine answered {reply:?} to another call"),
    )
}
