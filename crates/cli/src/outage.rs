//! A service that goes away under a command that waits for it, or is silent: what is told, and the way back.
//!
//! Owns how often and for how long it is tried. Must never start a service that somebody has just stopped: it is waited
//! for, since an update stops the service and starts the new one.

use std::{pin::pin, time::Duration};

use bgcopy_client::{Error, Manager};
use tokio::time::{Instant, sleep, timeout};

use crate::failure::{Exit, Failure};

/// A service on its way out closes its connections a moment before it takes its socket away.
const LAST_BREATH: Duration = Duration::from_millis(150);

/// The pause after the first attempt to reach it again; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How often it is tried: about thirteen seconds, beside what the attempts take.
const ATTEMPTS: u32 = 8;

/// A service that goes away sooner than this after it was back has not recovered.
const RECOVERED: Duration = Duration::from_secs(10);

/// How often a service may go away without recovering.
const RELAPSES: u32 = 5;

/// The outages during one command.
#[derive(Debug, Default)]
pub struct Outages {
    may_start: bool,
    relapses: u32,
    back_since: Option<Instant>,
}

impl Outages {
    /// The connection broke: what to tell, once, before [`Self::over`] is awaited.
    ///
    /// # Errors
    /// When the service went away too often.
    pub async fn begun(&mut self, manager: &Manager) -> Result<&'static str, Failure> {
        let is_relapse = self
            .back_since
            .is_some_and(|back| back.elapsed() < RECOVERED);
        self.relapses = if is_relapse { self.relapses + 1 } else { 0 };
        if self.relapses == RELAPSES {
            return Err(Failure::new(
                Exit::Service,
                format!(
                    "the service went away {} times in a row; jobs are kept, and its log may say why: \
                     `bgcopy daemon run --log debug` shows it",
                    RELAPSES + 1
                ),
            ));
        }
        sleep(LAST_BREATH).await;
        self.may_start = !manager.has_left();
        Ok(if self.may_start {
            "the service went away; starting it again"
        } else {
            "the service was stopped; waiting for it to be started again"
        })
    }

    /// Waits until the connection is there again.
    ///
    /// # Errors
    /// What kept the last attempt from succeeding, with what to do; at once when another attempt would be of no use.
    pub async fn over(&mut self, manager: &Manager) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        let mut attempts = 1;
        loop {
            match manager.reconnect(self.may_start).await {
                Ok(()) => {
                    self.back_since = Some(Instant::now());
                    return Ok(());
                }
                Err(error) if !may_pass(&error) => return Err(error.into()),
                Err(error) if attempts == ATTEMPTS => return Err(self.given_up(&error)),
                Err(_) => {}
            }
            sleep(pause).await;
            pause *= 2;
            attempts += 1;
        }
    }

    fn given_up(&self, error: &Error) -> Failure {
        let sentence = if self.may_start {
            format!(
                "the service went away and did not come back in {ATTEMPTS} attempts: {error}; jobs are kept, and \
                 `bgcopy daemon run` shows what keeps it from running"
            )
        } else {
            "the service was stopped and nobody started it again; jobs are kept, and go on with the next command"
                .to_owned()
        };
        Failure::new(Exit::Service, sentence)
    }
}

/// Whether another attempt to reach the service can have another outcome.
const fn may_pass(error: &Error) -> bool {
    matches!(
        error,
        Error::Disconnected | Error::NotRunning(_) | Error::Connect { .. } | Error::Start(_)
    )
}

/// After this long without an answer it is told that there is none.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for an answer, and says so, with the service's process, when that takes long.
pub async fn patiently<T>(
    manager: &Manager,
    question: impl Future<Output = T>,
    told: impl FnOnce(u32),
) -> T {
    let mut question = pin!(question);
    if let Ok(answer) = timeout(PATIENCE, &mut question).await {
        return answer;
    }
    told(manager.service().process_id);
    question.await
}

/// What is told of a service that does not answer.
pub fn silence(process: u32) -> String {
    format!("the service (process {process}) does not answer; waiting for it")
}

/// Asks this until there is an answer, also when the service goes away meanwhile. For questions that change nothing.
pub async fn ask<T>(
    manager: &Manager,
    question: impl AsyncFn() -> Result<T, Error>,
    told: impl Fn(&str),
) -> Result<T, Failure> {
    let mut outages = Outages::default();
    loop {
        match question().await {
            Err(Error::Disconnected) => {
                told(outages.begun(manager).await?);
                outages.over(manager).await?;
            }
            answer => return answer.map_err(Failure::from),
        }
    }
}
