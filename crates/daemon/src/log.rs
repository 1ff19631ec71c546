//! Where the log goes: standard error; for a service that a client started, a file beside the queue.

#![expect(
    clippy::disallowed_types,
    reason = "the log is the service's own file, not a user's that `disk` guards"
)]

use std::{fs::File, io, path::Path, sync::Mutex};

use tracing_subscriber::EnvFilter;

/// A log of an earlier run that is larger than this begins anew.
const LARGEST: u64 = 1 << 20;

/// Sets the log up. A filter that cannot be read falls back to `info` and is named in the log.
///
/// # Errors
/// The log file cannot be opened.
pub fn set_up(filter: &str, file: Option<&Path>) -> io::Result<()> {
    let parsed = EnvFilter::try_new(filter);
    let complaint = parsed.as_ref().err().map(ToString::to_string);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(parsed.unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(false);
    match file {
        Some(path) => subscriber.with_writer(Mutex::new(open(path)?)).init(),
        None => subscriber.with_writer(io::stderr).init(),
    }
    if let Some(complaint) = complaint {
        tracing::warn!("the log filter {filter:?} is not valid ({complaint}); info is used");
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.len() > LARGEST {
        file.set_len(0)?;
    }
    Ok(file)
}
