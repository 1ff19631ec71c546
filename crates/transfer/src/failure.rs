//! How a fetch fails.

use std::time::Duration;

use bgcopy_model::Condition;

/// Why a source did not deliver. The source says what happened; whether and when to try again is the engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What happened. [`Condition::RemoteFileChanged`] means that the source now has another version than the one
    /// of which bytes are here: the file starts again at 0.
    pub condition: Condition,
    /// One sentence in plain words that names the thing (host, status, size).
    pub detail: String,
    /// How long the source asked to be left alone (RFC 9110, section 10.2.3).
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a Retry-After.
    pub fn new(condition: Condition, detail: impl Into<String>) -> Self {
        Self {
            condition,
            detail: detail.into(),
            retry_after: None,
        }
    }
}
