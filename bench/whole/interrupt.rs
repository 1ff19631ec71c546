//! Ctrl-C and SIGTERM: the benchmark ends as it does after an error, with its servers and its networks.
//!
//! Owns both signals. Whoever waits for a command waits for this as well.

use std::{
    os::{fd::AsFd as _, fd::BorrowedFd, unix::net::UnixStream},
    sync::OnceLock,
    thread,
};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Its other end is closed at the first signal.
static SIGNALLED: OnceLock<UnixStream> = OnceLock::new();

/// Takes the signals over. Called once, before the first command.
pub fn take_over() -> anyhow::Result<()> {
    let (told, teller) = UnixStream::pair()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            drop(teller);
        })?;
    SIGNALLED
        .set(told)
        .ok()
        .context("the signals are taken over already")
}

/// What becomes readable when there was a signal; nothing before they are taken over.
pub fn signalled() -> Option<BorrowedFd<'static>> {
    SIGNALLED.get().map(|stream| stream.as_fd())
}
