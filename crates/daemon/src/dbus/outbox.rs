//! Signals on their way to one client: built, gathered into batches, sent in order.

use bgcopy_bus::{Interfaces, PropertiesChanged, names};
use serde::Serialize;
use zbus::{DynamicType, Message, ObjectPath, Type};

use super::{
    client::{Gone, Link},
    dispatch::{OBJECT_MANAGER, PROPERTIES},
};

/// Messages that are sent together.
const BATCH: usize = 64;

/// Signals on their way to one client, sent a batch at a time.
pub(super) struct Outbox<'a> {
    link: &'a Link,
    batch: Vec<Message>,
}

impl<'a> Outbox<'a> {
    pub(super) const fn new(link: &'a Link) -> Self {
        Self {
            link,
            batch: Vec::new(),
        }
    }

    /// `PropertiesChanged` of an object.
    pub(super) async fn changed<C: Serialize + Type>(
        &mut self,
        path: &ObjectPath<'_>,
        interface: &str,
        changed: C,
    ) -> Result<(), Gone> {
        let body = PropertiesChanged {
            interface: interface.to_owned(),
            changed,
            invalidated: vec![],
        };
        self.put(path.as_str(), PROPERTIES, "PropertiesChanged", &body)
            .await
    }

    /// `InterfacesAdded` of an object manager.
    pub(super) async fn added(
        &mut self,
        manager: &str,
        path: &ObjectPath<'_>,
        interfaces: &Interfaces,
    ) -> Result<(), Gone> {
        let body = (path, interfaces);
        self.put(manager, OBJECT_MANAGER, "InterfacesAdded", &body)
            .await
    }

    /// `InterfacesRemoved` of an object manager.
    pub(super) async fn removed(
        &mut self,
        manager: &str,
        path: &ObjectPath<'_>,
        interface: &str,
    ) -> Result<(), Gone> {
        let interfaces = [interface];
        let body = (path, interfaces.as_slice());
        self.put(manager, OBJECT_MANAGER, "InterfacesRemoved", &body)
            .await
    }

    /// A signal of the manager about a job.
    pub(super) async fn manager(&mut self, member: &str, job: &ObjectPath<'_>) -> Result<(), Gone> {
        self.put(names::MANAGER_PATH, names::MANAGER, member, job)
            .await
    }

    /// Sends what has gathered.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        let batch = std::mem::take(&mut self.batch);
        self.link.send(&batch).await
    }

    async fn put<B: Serialize + DynamicType>(
        &mut self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> Result<(), Gone> {
        match self.link.signal(path, interface, member, body) {
            Ok(message) => self.batch.push(message),
            // Nothing that this service publishes leads here.
            Err(error) => tracing::error!("the signal {member} cannot be built: {error}"),
        }
        if self.batch.len() >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }
}
