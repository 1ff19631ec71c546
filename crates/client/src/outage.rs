//! A service that is silent, or has gone: what a client that waits for it can find out and do.
//!
//! A client that merely makes calls needs none of this: its next call connects again. Must never decide how long is too
//! long, nor how often is often enough: that is the application's affair.

#![expect(
    clippy::disallowed_methods,
    reason = "whether the service's socket is there, not a caller's file"
)]

use bgcopy_bus::{ManagerProperties, names::MANAGER_PATH};
use zbus::ObjectPath;

use crate::{Error, Manager, Result};

impl Manager {
    /// Asks the service for a sign of life, over the connection that there is: a broken one is not made again.
    ///
    /// # Errors
    /// [`Error::Disconnected`] when the connection is broken. A service that hangs or was stopped by a signal does not
    /// answer at all, so that this never ends: put a timeout round it.
    pub async fn answers(&self) -> Result<()> {
        let link = self.session().current();
        if link.router.has_ended() {
            return Err(Error::Disconnected);
        }
        let manager = ObjectPath::try_from(MANAGER_PATH)?;
        link.read::<ManagerProperties>(manager).await.map(drop)
    }

    /// Connects again where the connection broke, and does nothing where it did not. A user's own service is started
    /// with `may_start` alone.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when nobody serves; what kept a service from being started.
    pub async fn reconnect(&self, may_start: bool) -> Result<()> {
        self.session().renew(may_start).await.map(drop)
    }

    /// Whether the service has taken its private socket along, as one does that was told to stop. One that crashed or
    /// was killed leaves it. On a bus nothing tells the two apart, and the answer is `false`.
    pub fn has_left(&self) -> bool {
        let socket = self.session().socket();
        socket.is_some_and(|path| path.symlink_metadata().is_err())
    }
}
