//! Tells clients of downloads' statuses: one call at a time for a download, for as long as the client's connection is
//! there. It decides neither when nor what (see [`crate::driver::Mailbox`]), and a client that hangs holds up no other
//! download and no call of its own.

use std::sync::Arc;

use bgcopy_bus::{DownloadStatus, names};
use bgcopy_engine::{Connection, Refusal};
use bgcopy_model::{Condition, JobId, UNKNOWN_SIZE};
use zbus::OwnedObjectPath;

use super::{
    call::{Call, Failure},
    download::refused,
};
use crate::driver::{Mailbox, Status};

/// Makes the caller's object at this path the one that is told of a download; `/`: none any more.
pub(super) fn register(call: &Call, id: JobId, path: &OwnedObjectPath) -> Result<(), Failure> {
    let view = call.service.handle().view();
    let download = view.download(id).ok_or_else(|| gone(id))?;
    if download.state.is_final() {
        let condition = Condition::InvalidState;
        return Err(refused(Refusal::new(condition, "the download is over")));
    }
    if path.as_str() == names::NO_OBJECT {
        view.statuses().withdraw(id);
        return Ok(());
    }
    let connection = Connection(call.client.caller.connection);
    let mailbox = view
        .tell_status(id, connection, path.to_string())
        .ok_or_else(|| gone(id))?;
    if call.client.is_gone() {
        // Its end was told before it was registered.
        view.statuses().gone(connection);
    }
    tokio::spawn(tell(call.clone(), id, path.clone(), mailbox));
    Ok(())
}

async fn tell(call: Call, id: JobId, path: OwnedObjectPath, mailbox: Arc<Mailbox>) {
    let link = call.client.link.clone();
    drop(call);
    while let Some(status) = mailbox.next().await {
        let Some(_turn) = mailbox.turn().await else {
            return;
        };
        if let Err(error) = link.tell_status(&path, id, wire(&status)).await {
            let (client, path) = (link.peer(), path.as_str());
            tracing::debug!(download = %id, client, path, "a client did not take a status: {error}");
        }
    }
}

/// A status as it travels.
pub(super) fn wire(status: &Status) -> DownloadStatus {
    DownloadStatus {
        bytes_total: status.total.unwrap_or(UNKNOWN_SIZE),
        bytes_transferred: status.transferred,
        state: status.state.code(),
        error: status.error.0,
        extended_error: status.extended.0,
    }
}

fn gone(id: JobId) -> Failure {
    let detail = format!("there is no download {id}");
    refused(Refusal::new(Condition::NotFound, detail))
}
