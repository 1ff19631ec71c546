//! One small file: by the command, and by a program that uses the client library.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use bgcopy::{FileRequest, JobState, Manager, Priority};
use futures_util::StreamExt as _;

use super::{
    data::{SMALL, SMALL_SIZE},
    peak,
};
use crate::{
    aims::Aim,
    cost::{self, Ended},
    lab::Lab,
    nginx::Nginx,
    options::Row,
    report::{Line, Section},
    service::Service,
    tools::{Tool, Work},
};

const PATIENCE: Duration = Duration::from_mins(1);

pub fn small(lab: &Lab) -> anyhow::Result<Section> {
    let times = if lab.is_quick() { 21 } else { 101 };
    let origin = Nginx::start(&lab.served(), None)?;
    let service = Service::start(lab, "")?;
    let url = origin.url(SMALL);
    let folder = lab.fresh("small")?;

    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..times {
        let mut order = [Tool::Bgcopy, Tool::Curl];
        if pair % 2 == 1 {
            order.reverse();
        }
        for tool in order {
            let work = Work::One {
                url: url.clone(),
                name: format!("{tool}-{pair}"),
                checksum: None,
                ca_file: None,
            };
            let mut commands = work.commands(tool, &service, &folder);
            let Ended::Whole { all: wall, .. } = cost::time(&mut commands, PATIENCE)? else {
                bail!("{tool} does not end");
            };
            is_whole(&folder.join(&work.names()[0]))?;
            let list = if tool == Tool::Bgcopy {
                &mut ours
            } else {
                &mut theirs
            };
            list.push(milliseconds(wall));
        }
        ratios.push(ours[pair] / theirs[pair]);
    }
    let library = through_the_library(&service, &url, &folder, times)?;

    let told = format!(
        "One file of {SMALL_SIZE} bytes over HTTP/1.1, {times} times: from the command to its end, and in a process with a connection to the service from the submission to the news that the file has its name."
    );
    let mut section = Section::new(Row::Small, told);
    section.push(Line::new("`bgcopy get`", "ms", ours).aim(Aim::AtMost(10.0)));
    section.push(Line::new("curl, then sync", "ms", theirs));
    section.push(Line::new("bgcopy by curl: wall", "", ratios));
    section.push(Line::new("through the client library", "ms", library).aim(Aim::AtMost(3.0)));
    section.push(peak(&service)?);
    Ok(section)
}

fn through_the_library(
    service: &Service,
    url: &str,
    folder: &Path,
    times: usize,
) -> anyhow::Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let manager = service.manager().await?;
        let mut walls = Vec::new();
        for number in 0..times {
            let path = folder.join(format!("library-{number}"));
            let begun = Instant::now();
            tokio::time::timeout(PATIENCE, fetch(&manager, url, &path)).await??;
            walls.push(milliseconds(begun.elapsed()));
            is_whole(&path)?;
        }
        Ok(walls)
    })
}

/// Hands a job over and waits until its file has its name.
async fn fetch(manager: &Manager, url: &str, path: &Path) -> anyhow::Result<()> {
    let job = manager
        .create_job("small")
        .priority(Priority::Foreground)
        .auto_complete(true)
        .file(FileRequest::new(url, path))
        .submit()
        .await?;
    let mut changes = std::pin::pin!(job.watch().await?);
    while let Some(info) = changes.next().await {
        match info?.state {
            JobState::Acknowledged => return Ok(()),
            JobState::Error | JobState::Cancelled => break,
            _ => {}
        }
    }
    bail!("the job came to no good end: {:?}", job.info().await)
}

fn is_whole(path: &Path) -> anyhow::Result<()> {
    let size = fs::metadata(path)?.len();
    ensure!(size == SMALL_SIZE, "{} has {size} bytes", path.display());
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
