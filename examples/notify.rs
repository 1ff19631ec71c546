//! Fetches a file in the background and is called back: `notify URL PATH`, where the path is absolute.
//!
//! The job belongs to the service: kill this program, start it again with the same arguments, and it goes on with the
//! job that it finds.
#![expect(clippy::print_stdout, reason = "what it has to say is its answer")]

use std::{env, error::Error, sync::Arc};

use bgcopy::{Callback, CallbackError, ErrorInfo, FileRequest, Job, Manager};
use tokio::sync::Notify;

/// The callback object: completes the job when all is there, drops it when nothing comes of it.
#[derive(Default)]
struct Fetch {
    ended: Notify,
}

impl Callback for Fetch {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        println!("it is there");
        self.ended.notify_one();
        Ok(())
    }

    async fn job_error(&self, job: Job, error: ErrorInfo) -> Result<(), CallbackError> {
        println!("{} ({})", error.description, error.code);
        job.cancel().await?;
        self.ended.notify_one();
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(url), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: notify URL PATH".into());
    };
    let fetch = Arc::new(Fetch::default());
    let name = format!("notify {url}");
    let manager = Manager::connect().await?;

    // The object dies with its process. Whoever comes back registers again, and is told of what happened meanwhile.
    let mut jobs = manager.jobs(false).await?.into_iter();
    let job = if let Some((job, _)) = jobs.find(|(_, info)| info.name == name) {
        job.set_notify_interface(fetch.clone()).await?;
        job
    } else {
        let job = manager.create_job(name).notify(fetch.clone());
        job.file(FileRequest::new(url, path)).submit().await?
    };
    println!("{}", job.id());
    fetch.ended.notified().await;
    Ok(())
}
