//! The threads that the service's tasks run on.
//!
//! One serves the clients, the thread that calls [`Runtimes::serve`]; another has the driver, the transfers and what they
//! begin. So a client that keeps its thread busy, by a list of a large queue or with a descriptor whose closing waits,
//! stops no transfer, and the transfers' tasks wake each other without a hop to another processor: on two threads that
//! shared them a file of 4 GiB took a third more processor time. The disk and the queue have threads of their own.

use std::{io, time::Duration};

use tokio::runtime::{Builder, Handle, Runtime};

/// The two runtimes of a service.
pub(crate) struct Runtimes {
    clients: Runtime,
    work: Runtime,
}

impl Runtimes {
    pub(crate) fn new() -> io::Result<Self> {
        let work = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bgcopy")
            .enable_all()
            .build()?;
        let clients = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { clients, work })
    }

    /// Serves clients on this thread until `serve` is done; it gets what the driver is to be started on.
    pub(crate) fn serve<F: Future>(&self, serve: impl FnOnce(Handle) -> F) -> F::Output {
        self.clients.block_on(serve(self.work.handle().clone()))
    }

    /// Ends all tasks, and waits so long for what blocks: names that are being looked up.
    pub(crate) fn end(self, patience: Duration) {
        self.clients.shutdown_timeout(patience);
        self.work.shutdown_timeout(patience);
    }
}
