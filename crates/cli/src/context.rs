//! What every command needs: the way to the service and to the jobs that the command line names.

use std::str::FromStr;

use bgcopy_client::{Address, Job, JobId, JobInfo, Manager};

use crate::{
    failure::{Exit, Failure},
    terminal::Terminal,
};

/// The surroundings of a command.
#[derive(Clone, Debug)]
pub struct Context {
    /// Which service is meant.
    pub address: Address,
    /// Where the answers go.
    pub terminal: Terminal,
}

impl Context {
    /// Connects to the service.
    pub async fn connect(&self) -> Result<Manager, Failure> {
        Ok(Manager::connect_to(self.address.clone()).await?)
    }
}

/// A job as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobRef {
    /// By its id.
    Id(JobId),
    /// By the first digits of its id, in lower case and without hyphens.
    Prefix(String),
}

/// The fewest digits that name a job.
const DIGITS: usize = 4;

impl FromStr for JobRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.len() < DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!(
                "a job is named by its id, or by at least the first {DIGITS} digits of it"
            ));
        }
        Ok(Self::Prefix(digits.to_ascii_lowercase()))
    }
}

/// A job's id in short: eight digits tell a million jobs apart, as good as always.
pub fn short_id(id: JobId) -> String {
    let mut digits = id.simple().to_string();
    digits.truncate(8);
    digits
}

/// The jobs that are named, in that order. Nothing is done when one of them is not there.
pub async fn find(manager: &Manager, named: &[JobRef]) -> Result<Vec<Job>, Failure> {
    let mut listed = None;
    let mut found = Vec::with_capacity(named.len());
    for name in named {
        let job = match name {
            JobRef::Id(id) => manager.job(*id).await?,
            JobRef::Prefix(prefix) => {
                let jobs = match &mut listed {
                    Some(jobs) => jobs,
                    none => none.insert(manager.jobs(is_administrator()).await?),
                };
                one_of(jobs, prefix)?
            }
        };
        found.push(job);
    }
    Ok(found)
}

/// Whether this user may see everyone's jobs.
fn is_administrator() -> bool {
    rustix::process::geteuid().is_root()
}

fn one_of(jobs: &[(Job, JobInfo)], prefix: &str) -> Result<Job, Failure> {
    let ids = jobs.iter().map(|(job, _)| job.id());
    let at = position(ids, prefix)?;
    Ok(jobs[at].0.clone())
}

/// Which of these ids begins with the prefix.
fn position(ids: impl Iterator<Item = JobId>, prefix: &str) -> Result<usize, Failure> {
    let mut matching = ids
        .enumerate()
        .filter(|(_, id)| id.simple().to_string().starts_with(prefix));
    match (matching.next(), matching.next()) {
        (Some((at, _)), None) => Ok(at),
        (None, _) => Err(Failure::new(
            Exit::NoJob,
            format!(
                "there is no unfinished job whose id begins with {prefix}; `bgcopy list` shows those that there are"
            ),
        )),
        (Some(_), Some(_)) => Err(Failure::new(
            Exit::NoJob,
            format!("several jobs have ids that begin with {prefix}; give more digits"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_by_its_whole_id_or_by_its_first_digits() {
        let id = JobId::from_u128(0x1f3a_9c02_0000_0000_0000_0000_0000_0001);
        assert_eq!(id.to_string().parse(), Ok(JobRef::Id(id)));
        assert_eq!("1F3A".parse(), Ok(JobRef::Prefix("1f3a".into())));
        assert_eq!(
            "1f3a9c02-00".parse(),
            Ok(JobRef::Prefix("1f3a9c0200".into()))
        );
        for text in ["", "1f3", "1f-3", "name", "é1f3a"] {
            assert!(text.parse::<JobRef>().is_err(), "{text}");
        }
        assert_eq!(short_id(id), "1f3a9c02");
    }

    #[test]
    fn a_prefix_must_fit_exactly_one_job() {
        let ids = [
            0x1f3a_0000_0000_0000_0000_0000_0000_0001,
            0x1f3a_0000_0000_0000_0000_0000_0000_0002,
            0x2f3a_0000_0000_0000_0000_0000_0000_0003,
        ]
        .map(JobId::from_u128);
        assert_eq!(position(ids.into_iter(), "2f3a"), Ok(2));
        for prefix in ["1f3a", "3333"] {
            let failure = position(ids.into_iter(), prefix).unwrap_err();
            assert_eq!(failure.exit(), Exit::NoJob);
        }
    }
}
