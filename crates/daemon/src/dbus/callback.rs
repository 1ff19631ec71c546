//! A client's callback object: where it is, and how a call to it is made.

use std::sync::Arc;

use bgcopy_bus::Callback as Wire;
use bgcopy_engine::{Connection, Notification};
use bgcopy_model::{FileId, JobId};
use futures_util::{FutureExt, future::BoxFuture};
use zbus::OwnedObjectPath;

use super::{call::Call, client::Client};
use crate::driver::{Callback, Target};

/// What stands for «no object».
const NONE: &str = bgcopy_bus::names::NO_OBJECT;

/// An object of a client's process.
struct Object {
    client: Arc<Client>,
    path: OwnedObjectPath,
}

/// The caller's object at this path; `None` for `/`.
pub(super) fn target(call: &Call, path: OwnedObjectPath) -> Option<Target> {
    if path.as_str() == NONE {
        return None;
    }
    let client = call.client.clone();
    Some(Arc::new(Object { client, path }))
}

/// Whose it is and where, as `GetNotifyInterface` tells.
pub(super) fn address(target: Option<Target>) -> (String, OwnedObjectPath) {
    let none = || bgcopy_bus::names::Object::Above.path();
    match target {
        Some(target) => {
            let (client, path) = target.address();
            let path = OwnedObjectPath::try_from(path).unwrap_or_else(|_| none());
            (client.to_owned(), path)
        }
        None => (String::new(), none()),
    }
}

impl Callback for Object {
    fn connection(&self) -> Connection {
        Connection(self.client.caller.connection)
    }

    fn is_gone(&self) -> bool {
        self.client.is_gone()
    }

    fn address(&self) -> (&str, &str) {
        (self.client.link.peer(), self.path.as_str())
    }

    fn call(
        &self,
        job: JobId,
        notification: Notification,
    ) -> BoxFuture<'static, Result<(), String>> {
        let call = match notification {
            Notification::FileTransferred(index) => Wire::FileTransferred(FileId { job, index }),
            Notification::JobTransferred => Wire::JobTransferred(job),
            Notification::JobError => Wire::JobError(job),
            Notification::JobModification => Wire::JobModification(job),
        };
        let (link, path) = (self.client.link.clone(), self.path.clone());
        async move {
            match link.call(call, &path).await {
                Err(error) if !call.is_unknown_to_first_version(&error) => Err(error.to_string()),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}
