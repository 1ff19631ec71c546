//! `bgcopy why`: why a job is in the state it is in.

use std::io::{self, Write as _};

use bgcopy_client::{ErrorInfo, JobInfo, JobState, Manager, NotifyFlags, Priority, Timestamp};
use clap::Args;

use crate::{
    args::{Format, Jobs},
    context::{Context, find, short_id},
    failure::{Exit, Failure},
    format::{ago, clean, duration, percent, rfc3339, size},
    json,
    terminal::now,
};

/// Tells why a job is in the state it is in
///
/// A chain of sentences: in which state the job is and since when, why, what it waits for, and what would change that.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy why 1f3a
    bgcopy why --json 1f3a | jq -r '.sentences[]'")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for (place, job) in find(&manager, &arguments.jobs.jobs)
        .await?
        .iter()
        .enumerate()
    {
        let info = job.info().await?;
        let error = match &info.error {
            Some(_) => job.error().await?,
            None => None,
        };
        let facts = Facts {
            error: error.as_ref(),
            is_registered: job.notify_interface().await?.is_some(),
            running: running(&manager, &info).await?,
            now: now(),
        };
        let chain = chain(&info, &facts);
        if arguments.format.json {
            let why = json::Why::new(&info, error.as_ref(), facts.is_registered, &chain);
            json::print(&why)?;
            continue;
        }
        let mut out = io::stdout().lock();
        if place > 0 {
            writeln!(out)?;
        }
        for sentence in chain {
            writeln!(out, "{}", clean(&sentence))?;
        }
    }
    Ok(Exit::Ok)
}

/// How many other jobs are at work; looked at for a job that waits for its turn alone.
async fn running(manager: &Manager, job: &JobInfo) -> Result<usize, Failure> {
    if job.state != JobState::Queued {
        return Ok(0);
    }
    let jobs = manager.jobs(false).await?;
    let is_running =
        |other: &JobInfo| matches!(other.state, JobState::Connecting | JobState::Transferring);
    Ok(jobs.iter().filter(|(_, other)| is_running(other)).count())
}

/// What a chain is made of, beside the job itself.
struct Facts<'a> {
    error: Option<&'a ErrorInfo>,
    /// Whether a callback object is registered.
    is_registered: bool,
    /// Other jobs at work.
    running: usize,
    now: Timestamp,
}

/// The sentences, each the reason of the one before it or the way out of it.
fn chain(job: &JobInfo, facts: &Facts<'_>) -> Vec<String> {
    let mut chain = vec![state(job, facts)];
    let has_left_it = matches!(
        job.state,
        JobState::Queued | JobState::Connecting | JobState::Suspended
    );
    if has_left_it {
        because("Its last error was", job, facts, &mut chain);
    }
    match job.state {
        JobState::Queued => queued(job, facts, &mut chain),
        JobState::Connecting => {
            chain.push("It waits for the origin's answer; nothing needs to be done.".into());
        }
        JobState::Transferring => transferring(job, &mut chain),
        JobState::Suspended => suspended(job, &mut chain),
        JobState::Error => {
            because("This stopped it", job, facts, &mut chain);
            let id = short_id(job.id);
            chain.push(format!(
                "Waiting does not mend this: mend it and run `bgcopy resume {id}`, \
                 or drop the job with `bgcopy cancel {id}`."
            ));
            callback(job, facts, "error", NotifyFlags::ERROR, &mut chain);
        }
        JobState::TransientError => transient(job, facts, &mut chain),
        JobState::Transferred => transferred(job, facts, &mut chain),
        JobState::Acknowledged => {
            chain.push("Its files have their names; there is nothing left to do.".into());
        }
        JobState::Cancelled => {
            chain.push(
                "Somebody cancelled it, or it was not completed in time; nothing of it is left."
                    .into(),
            );
        }
    }
    chain
}

fn state(job: &JobInfo, facts: &Facts<'_>) -> String {
    let since = match (job.state, job.transferred_at) {
        (JobState::Transferred, Some(time)) => {
            format!(
                "its last byte arrived {} ({})",
                rfc3339(time),
                ago(time, facts.now)
            )
        }
        _ => format!(
            "it last changed {} ({})",
            rfc3339(job.modified),
            ago(job.modified, facts.now)
        ),
    };
    format!("{} is {}; {since}.", job.name, job.state.name())
}

/// The error, behind what it is said to be.
fn because(opening: &str, job: &JobInfo, facts: &Facts<'_>, chain: &mut Vec<String>) {
    let Some(trouble) = &job.error else {
        return;
    };
    let what = trouble.description.trim_end_matches('.');
    let mut sentence = format!("{opening}: {what} ({})", trouble.code);
    if let Some(error) = facts.error {
        sentence.push_str(", in ");
        sentence.push_str(&error.context_description);
        if let Some(file) = error.file {
            sentence.push_str(", file number ");
            sentence.push_str(&file.to_string());
        }
    }
    sentence.push('.');
    chain.push(sentence);
}

fn queued(job: &JobInfo, facts: &Facts<'_>, chain: &mut Vec<String>) {
    chain.push(match facts.running {
        0 => "No other job of yours is at work: it is about to begin.".into(),
        1 => "Its turn has not come: another job is at work.".into(),
        count => format!("Its turn has not come: {count} other jobs are at work."),
    });
    chain.push("It begins by itself.".into());
    if job.priority != Priority::Foreground {
        let id = short_id(job.id);
        chain.push(format!(
            "Its priority is {}; `bgcopy set {id} --priority foreground` has it begin at once.",
            job.priority.name()
        ));
    }
}

fn transferring(job: &JobInfo, chain: &mut Vec<String>) {
    let bytes = size(job.bytes_transferred);
    let told = match job.bytes_total {
        Some(total) => {
            let percent = percent(job.bytes_transferred, total);
            format!("{bytes} of {} ({percent} %)", size(total))
        }
        None => format!("{bytes} of an unknown size"),
    };
    chain.push(format!(
        "Bytes are moving: {told}, {} of {} files; nothing needs to be done.",
        job.files_transferred, job.files_total
    ));
    // What nobody set is no news.
    let most = job.maximum_download_time;
    if !most.is_zero() && most < JobInfo::MAXIMUM_DOWNLOAD_TIME {
        chain.push(format!(
            "After {} at work it is given up, and is in error (`bgcopy set --max-time`).",
            duration(most)
        ));
    }
}

fn suspended(job: &JobInfo, chain: &mut Vec<String>) {
    let id = short_id(job.id);
    if job.files_total == 0 {
        chain.push("It has no file.".into());
        chain.push(format!(
            "`bgcopy add {id} URL` gives it one, and `bgcopy resume {id}` then lets it go."
        ));
    } else {
        chain.push(
            "Somebody suspended it, added a file to it, or never let it go: it waits for nothing else."
                .into(),
        );
        chain.push(format!("`bgcopy resume {id}` lets it go."));
    }
}

fn transient(job: &JobInfo, facts: &Facts<'_>, chain: &mut Vec<String>) {
    because("This stopped it", job, facts, chain);
    if let Some(retry) = job.retry_at {
        chain.push(format!("It is tried again {}.", rfc3339(retry)));
    }
    let id = short_id(job.id);
    chain.push(format!(
        "A change of the network has it tried at once, and so does `bgcopy resume {id}`."
    ));
    if !job.no_progress_timeout.is_zero() {
        chain.push(format!(
            "After {} without a byte it is given up, and is in error.",
            duration(job.no_progress_timeout)
        ));
    }
}

fn transferred(job: &JobInfo, facts: &Facts<'_>, chain: &mut Vec<String>) {
    let id = short_id(job.id);
    if job.auto_complete {
        if job.error.is_some() {
            because("This stopped it", job, facts, chain);
            chain.push(format!(
                "The files are fetched and cannot be named: mend that and run `bgcopy complete {id}`."
            ));
        } else {
            chain.push("Every byte is there, and the files are being named.".into());
        }
    } else {
        chain.push(format!(
            "Every byte is there; it waits for its client, or for `bgcopy complete {id}`."
        ));
    }
    callback(job, facts, "transferred", NotifyFlags::TRANSFERRED, chain);
}

/// Who is told of this event, and what it takes.
fn callback(
    job: &JobInfo,
    facts: &Facts<'_>,
    event: &str,
    flag: NotifyFlags,
    chain: &mut Vec<String>,
) {
    let is_wanted =
        job.notify_flags.contains(flag) && !job.notify_flags.contains(NotifyFlags::DISABLE);
    chain.push(if !is_wanted {
        format!(
            "Its client does not want to be called for «{event}» (`bgcopy set --notify-flags`)."
        )
    } else if facts.is_registered {
        "Its client is registered, and is called until it answers with success.".into()
    } else if let Some(program) = job.notify_command.first() {
        format!("No client is registered: {program} is run instead.")
    } else if let Some(name) = &job.activation_name {
        format!(
            "No client is registered: {name} is started on the session bus so that it registers."
        )
    } else {
        "No client is registered; one that registers is told at once.".into()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::job;

    fn told(job: &JobInfo, is_registered: bool) -> String {
        let facts = Facts {
            error: None,
            is_registered,
            running: 2,
            now: Timestamp(121_000_000),
        };
        chain(job, &facts).join("\n")
    }

    #[test]
    fn a_transient_error_is_told_with_its_reason_and_the_time_of_the_next_try() {
        let told = told(&job(), false);
        for part in [
            "is transient_error; it last changed 1970-01-01T00:00:01.000000Z (2 min ago).",
            "the host cannot be reached (0x8020002D)",
            "tried again 1970-01-01T00:00:02.000000Z",
            "bgcopy resume 00000000",
            "After 14 d without a byte",
        ] {
            assert!(told.contains(part), "{part}\n{told}");
        }
    }

    #[test]
    fn a_fetched_job_names_what_it_waits_for_and_who_is_called() {
        let mut fetched = JobInfo {
            state: JobState::Transferred,
            auto_complete: false,
            error: None,
            ..job()
        };
        assert!(told(&fetched, false).contains("bgcopy complete 00000000"));
        assert!(told(&fetched, false).contains("No client is registered; "));
        assert!(told(&fetched, true).contains("Its client is registered"));
        fetched.notify_command = vec!["/bin/true".into()];
        assert!(told(&fetched, false).contains("/bin/true is run"));
        fetched.notify_flags = NotifyFlags::ERROR;
        assert!(told(&fetched, true).contains("does not want to be called"));
    }

    #[test]
    fn an_error_that_is_over_is_told_as_the_last_one() {
        let last = "Its last error was: the host cannot be reached (0x8020002D).";
        for state in [JobState::Queued, JobState::Connecting, JobState::Suspended] {
            let mut job = JobInfo { state, ..job() };
            assert!(told(&job, false).contains(last), "{state:?}");
            job.error = None;
            assert!(!told(&job, false).contains("error"), "{state:?}");
        }
        assert!(!told(&job(), false).contains(last));
    }

    #[test]
    fn every_state_has_a_reason_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for state in (0..).map_while(JobState::from_code) {
            let job = JobInfo { state, ..job() };
            let told = told(&job, false);
            let (_, reason) = told.split_once('\n').expect("a state alone is no reason");
            assert!(seen.insert(reason.to_owned()), "{state:?}: {reason}");
        }
    }
}
