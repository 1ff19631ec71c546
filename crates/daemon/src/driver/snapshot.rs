//! How the engine's view of a job becomes what is published.

use std::sync::Arc;

use bgcopy_engine::JobView;
use bgcopy_model::{HttpOptions, JobPhase};

use super::publisher::{DownloadSnapshot, HttpSnapshot, JobSnapshot};
use crate::redact;

/// The snapshot of a job without its files; the publisher keeps those.
pub(super) fn job(view: JobView<'_>) -> JobSnapshot {
    let record = view.record();
    let retry_at = match record.phase {
        JobPhase::TransientError { retry_at, .. } => Some(retry_at),
        _ => None,
    };
    JobSnapshot {
        id: record.id,
        owner: record.owner,
        profile: record.profile,
        name: record.name.clone(),
        description: record.description.clone(),
        priority: record.priority,
        state: view.state(),
        auto_complete: record.auto_complete,
        notify_flags: record.notify_flags,
        notify_command: record.notify_command.clone(),
        activation: record.activation.clone(),
        minimum_retry_delay: record.minimum_retry_delay.as_secs(),
        no_progress_timeout: record.no_progress_timeout.as_secs(),
        maximum_download_time: record.maximum_download_time.as_secs(),
        transfer_policy: record.transfer_policy,
        peer_caching: record.peer_caching,
        http: http(&record.http),
        error_count: record.error_count,
        error: view.error().cloned(),
        retry_at,
        progress: view.progress(),
        created: record.created,
        modified: record.modified,
        transferred_at: record.transferred_at,
        files: Arc::default(),
        download: view.download_state().map(|state| {
            let record = record.download.as_deref().cloned().unwrap_or_default();
            Arc::new(DownloadSnapshot {
                record,
                has_stream: view.has_stream(),
                state,
            })
        }),
    }
}

fn http(options: &HttpOptions) -> HttpSnapshot {
    let kinds = options.credentials.kinds();
    HttpSnapshot {
        security: options.security,
        usage: options.proxy.usage(),
        proxies: options
            .proxy
            .proxies()
            .iter()
            .map(|proxy| redact::shown(proxy).to_string())
            .collect(),
        bypass: options.proxy.bypass().to_vec(),
        credentials: kinds
            .map(|(target, scheme)| (target.name().to_owned(), scheme.name().to_owned()))
            .collect(),
    }
}
