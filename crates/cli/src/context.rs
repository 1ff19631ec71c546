//! What every command needs: the way to the service and to the jobs that the command line names.

use std::{pin::pin, str::FromStr, time::Duration};

use bgcopy_client::{Address, Connect, Error, ErrorName, Job, JobId, Manager};
use tokio::time::timeout;

use crate::{
    failure::{Exit, Failure, say},
    terminal::Terminal,
};

/// The surroundings of a command.
#[derive(Clone, Debug)]
pub struct Context {
    /// Which service is meant.
    pub address: Address,
    /// Where the answers go.
    pub terminal: Terminal,
    /// Whether it is a program that reads them, which wants to hear of nothing but the end.
    pub as_json: bool,
}

/// For how long a service that is there may be silent before somebody is told.
const SILENCE: Duration = Duration::from_secs(2);

impl Context {
    /// Connects to the service.
    pub async fn connect(&self) -> Result<Manager, Failure> {
        self.open(Connect::to(self.address.clone()))
            .await
            .map_err(Failure::from)
    }

    /// Connects in this way. Where a service is there and does not answer, it is waited for, and that is told.
    pub async fn open(&self, connect: Connect) -> Result<Manager, Error> {
        let mut connecting = pin!(connect.clone().open());
        if let Ok(connected) = timeout(SILENCE, &mut connecting).await {
            return connected;
        }
        // One that is being started listens once it is ready.
        if let Some(process) = connect.listener().filter(|_| !self.as_json) {
            say(&format!(
                "the service (process {process}) does not answer; waiting for it"
            ));
        }
        connecting.await
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
    let mut found = Vec::with_capacity(named.len());
    for name in named {
        let job = match name {
            JobRef::Id(id) => manager.job(*id).await,
            JobRef::Prefix(prefix) => manager.find(prefix).await,
        };
        found.push(job.map_err(not_found)?);
    }
    Ok(found)
}

/// A job that is somebody else's is as good as none.
fn not_found(error: Error) -> Failure {
    match error.service_name() {
        Some(ErrorName::AccessDenied) => Failure::new(Exit::NoJob, error.to_string()),
        _ => error.into(),
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
}
