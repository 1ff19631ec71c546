//! `bgcopy show`: everything about a job.

use std::{
    fmt::{Display, Write as _},
    io::{self, Write as _},
    time::Duration,
};

use bgcopy_client::{ErrorInfo, JobInfo, JobState, SecurityFlags, Timestamp};
use clap::Args;

use crate::{
    args::{Format, Jobs},
    context::{Context, find},
    failure::{Exit, Failure},
    format::{ago, clean, duration, percent, rfc3339, size},
    json,
    network::redirects_name,
    terminal::now,
};

/// Shows everything about a job
///
/// A job that was completed or cancelled is found by its whole id for a while.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy show 1f3a")]
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
        if arguments.format.json {
            json::print(&json::JobWithError::new(&info, error.as_ref()))?;
            continue;
        }
        let mut out = io::stdout().lock();
        if place > 0 {
            writeln!(out)?;
        }
        out.write_all(text(&info, error.as_ref(), now()).as_bytes())?;
    }
    Ok(Exit::Ok)
}

/// The lines of a job.
fn text(job: &JobInfo, error: Option<&ErrorInfo>, now: Timestamp) -> String {
    let mut lines = String::new();
    let mut line = |name: &str, value: &dyn Display| {
        let value = value.to_string();
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{name:<20} {}", clean(&value));
    };
    line("id", &job.id);
    line("name", &job.name);
    if !job.description.is_empty() {
        line("description", &job.description);
    }
    line("state", &job.state.name());
    line("priority", &job.priority.name());
    line("owner", &job.owner);
    line("profile", &job.profile.name());
    let bytes = size(job.bytes_transferred);
    match job.bytes_total {
        Some(total) => {
            let percent = percent(job.bytes_transferred, total);
            line(
                "bytes",
                &format!("{bytes} of {} ({percent} %)", size(total)),
            );
        }
        None => line("bytes", &format!("{bytes} of an unknown size")),
    }
    line(
        "files",
        &format!("{} of {} fetched", job.files_transferred, job.files_total),
    );
    line(
        "completed by",
        &if job.auto_complete {
            "the service"
        } else {
            "`bgcopy complete`"
        },
    );
    line("retry delay", &duration(job.minimum_retry_delay));
    let patience = unless_zero(job.no_progress_timeout, "none: every error ends it");
    line("no-progress timeout", &patience);
    let most = unless_zero(job.maximum_download_time, "none");
    line("maximum time", &most);
    line(
        "notifications",
        &json::flag_names(job.notify_flags).join(", "),
    );
    if job.security_flags != SecurityFlags::default() {
        let policy = redirects_name(job.security_flags.redirects());
        let insecure = job.security_flags.allows_https_to_http();
        let to_http = if insecure {
            ", also from https to http"
        } else {
            ""
        };
        line("redirects", &format!("{policy}{to_http}"));
    }
    if !job.credentials.is_empty() {
        line("credentials for", &json::credential_names(job).join(", "));
    }
    if !job.notify_command.is_empty() {
        line("runs", &job.notify_command.join(" "));
    }
    if let Some(name) = &job.activation_name {
        line("starts", name);
    }
    let mut time = |name, time: Option<Timestamp>| {
        if let Some(time) = time {
            line(name, &format!("{} ({})", rfc3339(time), ago(time, now)));
        }
    };
    time("created", Some(job.created));
    time("changed", Some(job.modified));
    time("fetched", job.transferred_at);
    if let Some(retry) = job.retry_at {
        line("tried again", &rfc3339(retry));
    }
    if job.error_count > 0 {
        line("errors so far", &job.error_count);
    }
    let label = match job.state {
        JobState::Error | JobState::TransientError => "error",
        _ => "last error",
    };
    match (error, &job.error) {
        (Some(error), _) => {
            line(label, &error.description);
            line(
                "error code",
                &format!("{} {}", error.code, error.code_name).trim(),
            );
            line("where", &error.context_description);
            if let Some(file) = error.file {
                line("file", &format!("number {file}"));
            }
        }
        // The job left its error state while it was being looked at.
        (None, Some(error)) => line(label, &error.description),
        (None, None) => {}
    }
    lines
}

/// A time, or what its absence means.
fn unless_zero(time: Duration, zero: &str) -> String {
    if time.is_zero() {
        zero.to_owned()
    } else {
        duration(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::job;

    #[test]
    fn what_is_known_is_shown_and_what_is_not_is_left_out() {
        let text = text(&job(), None, Timestamp(121_000_000));
        for line in [
            "bytes                12 B of an unknown size\n",
            "files                1 of 2 fetched\n",
            "changed              1970-01-01T00:00:01.000000Z (2 min ago)\n",
            "tried again          1970-01-01T00:00:02.000000Z\n",
            "redirects            report, also from https to http\n",
            "credentials for      server digest\n",
            "error                the host cannot be reached\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(!text.contains("description"));
        assert!(!text.contains("fetched  "));
    }
}
