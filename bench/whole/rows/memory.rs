//! Many jobs at the same time: what the service keeps in memory for them. Its memory in the other rows stands there.

use std::time::{Duration, Instant};

use anyhow::bail;
use bgcopy::{FileRequest, Job, JobState, Priority};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    data::{self, JOBS},
    shown,
};
use crate::{
    aims::Aim,
    lab::{Lab, same_bytes},
    nginx::Nginx,
    options::Row,
    report::{Line, Section},
    service::Service,
};

const PATIENCE: Duration = Duration::from_mins(10);

pub fn memory(lab: &Lab) -> anyhow::Result<Section> {
    let (name, size) = data::memory(lab);
    let original = lab.served().join(&name);
    let origin = Nginx::start(&lab.served(), None)?;
    let service = Service::start(lab, "")?;
    let folder = lab.fresh("memory")?;
    lab.settle()?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let begun = Instant::now();
    runtime.block_on(async {
        let manager = service.manager().await?;
        let jobs = (0..JOBS).map(|number| {
            let request = FileRequest::new(origin.url(&name), folder.join(number.to_string()));
            let job = manager.create_job(number.to_string());
            job.priority(Priority::Foreground)
                .auto_complete(true)
                .file(request)
                .submit()
        });
        let jobs: Vec<Job> = stream::iter(jobs).buffered(JOBS).try_collect().await?;
        let ends = stream::iter(&jobs).map(ended).buffered(JOBS);
        tokio::time::timeout(PATIENCE, ends.try_collect::<Vec<()>>()).await??;
        anyhow::Ok(())
    })?;
    let wall = begun.elapsed();
    for number in 0..JOBS {
        same_bytes(&original, &folder.join(number.to_string()))?;
    }

    let told = format!(
        "{JOBS} foreground jobs of one file of {} each, handed over at once.",
        shown(size)
    );
    let mut section = Section::new(Row::Memory, told);
    section.push(Line::new(
        "all of them durable and named",
        "s",
        [wall.as_secs_f64()],
    ));
    let peak = Line::new(
        "peak resident memory of the service",
        "MiB",
        [service.peak()?],
    );
    section.push(peak.aim(Aim::AtMost(96.0)));
    lab.remove(&folder)?;
    Ok(section)
}

/// Waits until the job's file has its name.
async fn ended(job: &Job) -> anyhow::Result<()> {
    let mut changes = std::pin::pin!(job.watch().await?);
    while let Some(info) = changes.next().await {
        match info?.state {
            JobState::Acknowledged => return Ok(()),
            JobState::Error | JobState::Cancelled => break,
            _ => {}
        }
    }
    bail!("a job came to no good end: {:?}", job.info().await)
}
