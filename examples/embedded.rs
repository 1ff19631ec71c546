//! Fetches a file with a service of its own, within this process: `embedded FOLDER URL PATH`. The queue is in FOLDER.
//!
//! Kill it and start it again with the same arguments: the job goes on where it was.
#![expect(clippy::print_stdout, reason = "what it has to say is its answer")]

use std::{env, error::Error};

use bgcopy::{Callback, CallbackError, Embedded, ErrorInfo, FileRequest, Job, Manager, Settings};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The callback object: completes the job when all is there, drops it when nothing comes of it.
struct Fetch {
    ended: UnboundedSender<Result<(), String>>,
}

impl Callback for Fetch {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        self.ended.send(Ok(()))?;
        Ok(())
    }

    async fn job_error(&self, job: Job, error: ErrorInfo) -> Result<(), CallbackError> {
        job.cancel().await?;
        let text = format!("{} ({})", error.description, error.code);
        self.ended.send(Err(text))?;
        Ok(())
    }
}

/// The job of an earlier run, or a new one.
async fn job(manager: &Manager, url: &str, path: &str, fetch: Fetch) -> bgcopy::Result<Job> {
    let earlier = manager.jobs(false).await?.into_iter();
    if let Some((job, _)) = earlier.into_iter().find(|(_, info)| info.name == url) {
        job.set_notify_interface(fetch).await?;
        return Ok(job);
    }
    let job = manager.create_job(url).notify(fetch);
    job.file(FileRequest::new(url, path)).submit().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, url, path] = arguments.as_slice() else {
        return Err("usage: embedded FOLDER URL PATH".into());
    };
    let service = Embedded::start(Settings::new(folder)).await?;
    let manager = service.manager().await?;
    let (ended, mut told) = unbounded_channel();
    let job = job(&manager, url, path, Fetch { ended }).await?;
    println!("{}", job.id());
    let result = told.recv().await.ok_or("the service went away")?;
    // Not needed for the job's sake: a service that is killed loses nothing.
    service.shutdown().await?;
    result?;
    println!("it is there");
    Ok(())
}
