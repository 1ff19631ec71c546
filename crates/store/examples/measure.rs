//! Measures the queue beside the disk it stands on: `cargo run --release -p bgcopy-store --example measure [FOLDER]`.
//!
//! With `--commits N` it only makes N small commits, for counting system calls:
//! `strace -f -c -e trace=fsync,fdatasync,pwrite64 target/release/examples/measure --commits 1000`.

#![expect(
    clippy::disallowed_types,
    reason = "the disk's own speed is measured on a file"
)]

#[path = "../tests/common/sample.rs"]
mod sample;

use std::{
    collections::VecDeque,
    env,
    error::Error,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bgcopy_model::{ClockAnchor, JobId, Moment, Mutation, Timestamp};
use bgcopy_store::Store;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut out = std::io::stdout();
    if let [flag, count] = arguments.as_slice()
        && flag == "--commits"
    {
        let folder = tempfile::tempdir()?;
        small_commits(folder.path(), count.parse()?).await?;
        return Ok(());
    }
    let base = arguments.first().map_or_else(env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(base)?;
    let path = folder.path();

    let sync = disk_syncs(&path.join("sync"), 300)?;
    writeln!(
        out,
        "write of 8 KiB in place and fdatasync: median {sync:?}"
    )?;
    let single = small_commits(&path.join("single"), 1_000).await?;
    writeln!(out, "one small commit at a time: median {single:?}")?;
    let rate = waiting_commits(&path.join("waiting"), 20_000, 64).await?;
    writeln!(out, "64 waiting: {rate:.0} commits/s")?;
    for (jobs, files) in [(1_000, 3), (1, 100_000)] {
        let (write, open) = restore(&path.join(format!("restore-{jobs}")), jobs, files).await?;
        writeln!(
            out,
            "{jobs} jobs of {files} files: written in {write:?}, opened in {open:?}"
        )?;
    }
    Ok(())
}

/// What the disk takes for a durable write, without a database.
fn disk_syncs(path: &Path, count: usize) -> Outcome<Duration> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all_at(&vec![0; 1 << 20], 0)?;
    file.sync_all()?;
    let page = [0x5a; 8_240];
    let mut times = Vec::new();
    for place in 0..count {
        let start = Instant::now();
        file.write_all_at(&page, (place % 100 * page.len()) as u64)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

async fn small_commits(folder: &Path, count: u64) -> Outcome<Duration> {
    let (store, _) = Store::open(folder)?;
    store.commit(new_job(1, 3)).await?;
    let mut times = Vec::new();
    for place in 0..count {
        let batch = progress(place);
        let start = Instant::now();
        store.commit(batch).await?;
        times.push(start.elapsed());
    }
    store.close().await?;
    Ok(median(times))
}

async fn waiting_commits(folder: &Path, count: u32, waiting: usize) -> Outcome<f64> {
    let (store, _) = Store::open(folder)?;
    store.commit(new_job(1, 3)).await?;
    let start = Instant::now();
    let mut answers = VecDeque::new();
    for place in 0..count {
        answers.push_back(store.commit(progress(place.into())));
        if answers.len() == waiting
            && let Some(first) = answers.pop_front()
        {
            first.await?;
        }
    }
    for answer in answers {
        answer.await?;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    store.close().await?;
    Ok(rate)
}

async fn restore(folder: &Path, jobs: u128, files: u32) -> Outcome<(Duration, Duration)> {
    let (store, _) = Store::open(folder)?;
    let start = Instant::now();
    let answers: Vec<_> = (0..jobs).map(|n| store.commit(new_job(n, files))).collect();
    for answer in answers {
        answer.await?;
    }
    let write = start.elapsed();
    store.close().await?;
    let start = Instant::now();
    let (store, restored) = Store::open(folder)?;
    let open = start.elapsed();
    assert_eq!(restored.jobs.len() as u128, jobs);
    store.close().await?;
    Ok((write, open))
}

fn new_job(n: u128, files: u32) -> Vec<Mutation> {
    vec![
        Mutation::PutJob(Box::new(sample::job(n))),
        Mutation::PutFiles(
            JobId::from_u128(n),
            (0..files).map(sample::file).map(Arc::new).collect(),
        ),
    ]
}

/// What is recorded as bytes arrive: one file and the clocks.
fn progress(place: u64) -> Vec<Mutation> {
    let mut file = sample::file(1);
    file.durable = [bgcopy_model::Extent::new(0, place + 1)]
        .into_iter()
        .collect();
    vec![
        Mutation::PutFiles(JobId::from_u128(1), vec![Arc::new(file)]),
        Mutation::PutAnchor(ClockAnchor {
            boot_id: "5c7c2b1e-8f0a-4a55-9a3e-0d6f0c1f2a3b".to_owned(),
            boottime: place,
            wall: Timestamp(place),
            moment: Moment(place),
        }),
    ]
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
