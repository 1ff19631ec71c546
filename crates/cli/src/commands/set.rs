//! `bgcopy set`: change the properties of a job.

use std::time::Duration;

use bgcopy_client::{AuthScheme, AuthTarget, NotifyFlags, Priority};
use clap::Args;

use crate::{
    args::{self, Format},
    commands::confirm,
    context::{Context, JobRef, find},
    failure::{Exit, Failure},
    format::parse_duration,
    network::Network,
    request::header,
};

/// Changes the properties of a job
///
/// Properties can be changed until the job is completed or cancelled. They are changed one after the other: when one
/// is refused those before it stay changed.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy set 1f3a --priority low
    bgcopy set 1f3a --retry-delay 1m --no-progress-timeout 2d
    bgcopy set 1f3a --url-prefix https://example.org/ https://mirror.example.net/
    bgcopy set 1f3a --user me --password-file ~/.secret && bgcopy resume 1f3a")]
pub struct Arguments {
    /// The job, by its id or the first four or more digits of it
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Its name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Its description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// When it is its turn
    #[arg(long, value_name = "PRIORITY", value_parser = args::priority())]
    priority: Option<Priority>,
    /// Whether the service gives the files their names as soon as all of them are fetched
    #[arg(long, value_name = "BOOL")]
    auto_complete: Option<bool>,
    /// The shortest time before another try, at least 5s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    retry_delay: Option<Duration>,
    /// Give up after this long without a byte: 90s, 10m, 2h, 14d; 0 gives up at the first error
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    no_progress_timeout: Option<Duration>,
    /// Give up after so long at work, whatever comes: 12h, 3d; 0 sets no limit. Waiting does not count
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_time: Option<Duration>,
    /// What the job's program is called back for
    #[arg(
        long,
        value_name = "EVENT",
        value_delimiter = ',',
        value_parser = args::notify_flag()
    )]
    notify_flags: Vec<NotifyFlags>,
    /// Where a file is from now on, by its number in `bgcopy files`; goes on if size and date are the same there
    #[arg(long, value_names = ["FILE", "URL"], num_args = 2)]
    url: Vec<String>,
    /// What the URLs of unfinished files begin with, and what they begin with from now on
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2)]
    url_prefix: Vec<String>,
    /// Forget the user and password of --user
    #[arg(long, conflicts_with = "user")]
    no_user: bool,
    /// Forget the user and password of --proxy-user
    #[arg(long, conflicts_with = "proxy_user")]
    no_proxy_user: bool,
    /// Send this field with every request, in place of all that there were; can be given again
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Send no fields of the job's own any more
    #[arg(long, conflicts_with = "headers")]
    no_headers: bool,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    if arguments.change_nothing() {
        return Err(Failure::new(
            Exit::Usage,
            "nothing to change was named; `bgcopy set --help` lists what can be changed",
        ));
    }
    let flags = flags(&arguments.notify_flags);
    let url = url(&arguments.url)?;
    let manager = context.connect().await?;
    for job in find(&manager, &[arguments.job]).await? {
        if let Some(name) = &arguments.name {
            job.set_name(name).await?;
        }
        if let Some(description) = &arguments.description {
            job.set_description(description).await?;
        }
        if let Some(priority) = arguments.priority {
            job.set_priority(priority).await?;
        }
        if let Some(auto_complete) = arguments.auto_complete {
            job.set_auto_complete(auto_complete).await?;
        }
        if let Some(delay) = arguments.retry_delay {
            job.set_minimum_retry_delay(delay).await?;
        }
        if let Some(timeout) = arguments.no_progress_timeout {
            job.set_no_progress_timeout(timeout).await?;
        }
        if let Some(time) = arguments.max_time {
            job.set_maximum_download_time(time).await?;
        }
        if let Some(flags) = flags {
            job.set_notify_flags(flags).await?;
        }
        if let Some((index, url)) = url {
            job.set_remote_name(index, url).await?;
        }
        if let [old, new] = arguments.url_prefix.as_slice() {
            job.replace_remote_prefix(old, new).await?;
        }
        for (target, is_forgotten) in [
            (AuthTarget::Server, arguments.no_user),
            (AuthTarget::Proxy, arguments.no_proxy_user),
        ] {
            for scheme in [AuthScheme::Basic, AuthScheme::Digest] {
                if is_forgotten {
                    job.remove_credentials(target, scheme).await?;
                }
            }
        }
        if arguments.no_headers || !arguments.headers.is_empty() {
            job.set_headers(arguments.headers.clone()).await?;
        }
        arguments.network.set(&job).await?;
        confirm(&job, "is changed", arguments.format).await?;
    }
    Ok(Exit::Ok)
}

impl Arguments {
    /// Whether no property is named. (A group of clap's that must be there is refused with the whole list.)
    fn change_nothing(&self) -> bool {
        let of_the_job = self.name.is_some()
            || self.description.is_some()
            || self.priority.is_some()
            || self.auto_complete.is_some()
            || self.retry_delay.is_some()
            || self.no_progress_timeout.is_some()
            || self.max_time.is_some()
            || !self.notify_flags.is_empty();
        let of_its_files = !self.url.is_empty() || !self.url_prefix.is_empty();
        let of_its_requests =
            self.no_user || self.no_proxy_user || self.no_headers || !self.headers.is_empty();
        !of_the_job && !of_its_files && !of_its_requests && self.network.is_empty()
    }
}

/// A file's number and its URL, where they are given.
fn url(words: &[String]) -> Result<Option<(u32, &str)>, Failure> {
    let [index, url] = words else {
        return Ok(None);
    };
    let index = index.parse().map_err(|_| {
        let text = format!("{index:?} is no number of a file; `bgcopy files` shows them");
        Failure::new(Exit::Usage, text)
    })?;
    Ok(Some((index, url)))
}

/// All of these flags together; `None` where there are none.
fn flags(named: &[NotifyFlags]) -> Option<NotifyFlags> {
    let bits = named.iter().fold(0, |bits, flag| bits | flag.bits());
    NotifyFlags::from_bits(bits).filter(|_| !named.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(options: &[&str]) -> Result<Arguments, clap::Error> {
        let line = ["bgcopy", "set", "1f3a"].iter().chain(options);
        Cli::try_parse_from(line).map(|cli| match cli.command {
            Command::Set(arguments) => arguments,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn something_must_be_set() {
        assert!(parse(&[]).unwrap().change_nothing());
        assert!(parse(&["--json"]).unwrap().change_nothing());
        let all = [
            &["--name", "x"][..],
            &["--description", ""],
            &["--priority", "low"],
            &["--auto-complete", "false"],
            &["--retry-delay", "1m"],
            &["--no-progress-timeout", "0"],
            &["--max-time", "1d"],
            &["--notify-flags", "none"],
            &["--url", "0", "http://h/"],
            &["--url-prefix", "http://a/", "http://b/"],
            &["--no-user"],
            &["--header", "X: y"],
            &["--no-headers"],
            &["--user", "me"],
            &["--proxy", "http://p"],
            &["--no-proxy"],
            &["--proxy-user", "me"],
            &["--no-proxy-user"],
            &["--redirects", "report"],
        ];
        for options in all {
            assert!(!parse(options).unwrap().change_nothing(), "{options:?}");
        }
        // Those that only say more about another one.
        let beside = [
            "json",
            "system",
            "session",
            "password-file",
            "auth",
            "proxy-bypass",
            "proxy-password-file",
            "proxy-auth",
        ];
        let command = Cli::command();
        let set = command.find_subcommand("set").unwrap();
        for name in set.get_arguments().filter_map(clap::Arg::get_long) {
            let is_tried = all.iter().any(|options| options[0] == format!("--{name}"));
            assert!(is_tried || beside.contains(&name), "--{name} is not tried");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(parse(&["--user", "me", "--no-user"]).is_err());
        assert!(parse(&["--name", "x", "--priority", "low", "--retry-delay", "1m"]).is_ok());
        assert!(parse(&["--priority", "urgent"]).is_err());
        assert!(parse(&["--retry-delay", "5"]).is_err());
        assert!(parse(&["--url", "0"]).is_err());
        assert!(url(&["x".into(), "http://h/".into()]).is_err());
    }

    #[test]
    fn flags_are_given_in_one_list() {
        assert!(parse(&["--notify-flags", "error,transferred"]).is_ok());
        assert!(parse(&["--notify-flags", "everything"]).is_err());
        assert_eq!(
            flags(&[NotifyFlags::ERROR, NotifyFlags::TRANSFERRED]),
            Some(NotifyFlags::default())
        );
        assert_eq!(flags(&[]), None);
    }
}
