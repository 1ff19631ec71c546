//! Clients of the tests: objects that the service calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bgcopy::{
    Callback, CallbackError, ErrorInfo, FileInfo, FileRequest, HResult, Job, JobId, JobState,
    Manager,
};
use bgcopy_testkit::faulty::{Origin, Resource};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::timeout,
};

use super::{PATIENCE, Service, until};

/// A call as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Transferred(JobId),
    Error(JobId, HResult),
    Modification(JobId),
    File(JobId, u32),
}

/// A client that tells the test of each call, and answers the first few with an error.
pub struct Teller {
    tell: UnboundedSender<Told>,
    failures: AtomicU32,
}

pub fn teller(failures: u32) -> (Teller, UnboundedReceiver<Told>) {
    let (tell, told) = unbounded_channel();
    let failures = AtomicU32::new(failures);
    (Teller { tell, failures }, told)
}

impl Teller {
    pub fn called(&self, told: Told) -> Result<(), CallbackError> {
        // The test may have seen enough.
        let _ = self.tell.send(told);
        let left = |left: u32| left.checked_sub(1);
        match self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
        {
            Ok(_) => Err("not yet".into()),
            Err(_) => Ok(()),
        }
    }
}

impl Callback for Teller {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        self.called(Told::Transferred(job.id()))
    }

    async fn job_error(&self, job: Job, error: ErrorInfo) -> Result<(), CallbackError> {
        self.called(Told::Error(job.id(), error.code))
    }

    async fn job_modification(&self, job: Job) -> Result<(), CallbackError> {
        self.called(Told::Modification(job.id()))
    }

    async fn file_transferred(&self, job: Job, file: FileInfo) -> Result<(), CallbackError> {
        self.called(Told::File(job.id(), file.index))
    }
}

pub async fn next(told: &mut UnboundedReceiver<Told>) -> Told {
    let next = timeout(PATIENCE, told.recv()).await;
    next.expect("nobody calls").unwrap()
}

/// Completes every job.
pub struct Completer;

impl Callback for Completer {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        Ok(())
    }
}

/// Answers no call before it is released.
pub struct Hanging {
    pub told: Teller,
    pub release: Arc<Notify>,
}

impl Callback for Hanging {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        self.told.called(Told::Transferred(job.id()))?;
        self.release.notified().await;
        Ok(())
    }
}

/// A client that hangs in each call, what tells of the call, and what releases it.
pub fn hanging() -> (Hanging, UnboundedReceiver<Told>, Arc<Notify>) {
    let (told, calls) = teller(0);
    let release = Arc::new(Notify::new());
    let hanging = Hanging {
        told,
        release: release.clone(),
    };
    (hanging, calls, release)
}

pub fn file(service: &Service, origin: &Origin, name: &str) -> FileRequest {
    let url = origin.serve(&format!("/{name}"), Resource::pattern(1, 1_000));
    FileRequest::new(url, service.file(name))
}

/// A job that is TRANSFERRED and has told nobody.
pub async fn transferred(service: &Service, origin: &Origin, manager: &Manager, name: &str) -> Job {
    let job = manager.create_job(name);
    let job = job
        .file(file(service, origin, name))
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Transferred]).await;
    job
}

/// Waits until somebody is registered on the job.
pub async fn registered(job: &Job) {
    let registered = async {
        while job.notify_interface().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, registered)
        .await
        .expect("nobody registers");
}
