//! `StreamInterface`: the client's object that a download's bytes are written to.
//!
//! ```text
//!  service ──► pipe ──► a thread of the library ──Write──► the client's object
//! ```
//!
//! Owns the pipe's reading end and that thread, which ends with the pipe: when the service closes it, at Finalize, Abort
//! or its own end, or when the object refuses bytes, which the service sees as a reader that is gone. An object that takes
//! its time holds the pipe up, and with it the origin. Must never keep the object longer than the thread.

use std::{
    collections::BTreeMap,
    fmt,
    io::{PipeReader, Read as _, pipe},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use bgcopy_client::blocking;
use bgcopy_model::{HResult, JobId};
use windows_core::{IUnknown, Interface as _};

use super::failed;
use crate::{
    abi::delivery::{ISequentialStream, IStream},
    fault::{E_NOINTERFACE, Fault, Outcome},
};

/// As much as a pipe holds by default (pipe(7)).
const PIECE: usize = 64 * 1024;

/// The streams of a process that are being written to.
#[derive(Debug, Default)]
pub struct Streams(Mutex<BTreeMap<JobId, Weak<Stream>>>);

/// A client's object, by the one interface that is used.
struct Stream(ISequentialStream);

// SAFETY: whoever sets an object hands it over to be called on a thread of the library (docs/com.md, «Threads»), so that
// its own reference count and methods take calls from every thread.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl Streams {
    /// Has the download's bytes written to this object.
    ///
    /// # Errors
    /// `E_NOINTERFACE` for an object that is no stream, and the service's.
    pub fn set(&self, download: &blocking::Download, object: &IUnknown) -> Outcome {
        let stream = Arc::new(Stream::of(object)?);
        let no_pipe = |_| Fault::from(HResult::E_OUTOFMEMORY);
        let (reader, writer) = pipe().map_err(no_pipe)?;
        download.set_stream(writer).map_err(failed)?;
        let known = Arc::downgrade(&stream);
        // The service notices a reader that never was as one that is gone.
        thread::Builder::new()
            .name("dosvc-stream".to_owned())
            .spawn(move || stream.take(reader))
            .map_err(no_pipe)?;
        let mut streams = self.lock();
        streams.retain(|_, stream| stream.strong_count() > 0);
        streams.insert(download.id(), known);
        Ok(())
    }

    /// The object that is being written to.
    ///
    /// # Errors
    /// `E_NOT_SET`: none of this process is.
    pub fn stream(&self, download: JobId) -> Outcome<ISequentialStream> {
        let stream = self.lock().get(&download).and_then(Weak::upgrade);
        Ok(stream.ok_or(HResult::E_NOT_SET)?.0.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, Weak<Stream>>> {
        // It is whole between any two statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// An object may know the interface by its own name or by that of the one it is the beginning of.
    fn of(object: &IUnknown) -> Outcome<Self> {
        let stream = object.cast::<ISequentialStream>();
        let stream = stream.or_else(|_| {
            let longer: IStream = object.cast()?;
            Ok::<_, windows_core::Error>((*longer).clone())
        });
        stream.map(Self).map_err(|_| E_NOINTERFACE.into())
    }

    /// Writes what comes to the object, to the end.
    fn take(&self, mut reader: PipeReader) {
        let mut piece = vec![0; PIECE];
        loop {
            let length = match reader.read(&mut piece) {
                Ok(0) => return,
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return tracing::warn!(%error, "a stream's pipe cannot be read"),
            };
            if let Err(code) = self.write_all(&piece[..length]) {
                tracing::warn!(%code, "a stream's object takes no more");
                return;
            }
        }
    }

    fn write_all(&self, mut bytes: &[u8]) -> Result<(), HResult> {
        while !bytes.is_empty() {
            // No more than a piece, which fits.
            let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            // An object that tells no number has taken everything, since it has succeeded.
            let mut written = size;
            // SAFETY: the bytes and the place for their number are there until the call ends.
            let code = unsafe { self.0.Write(bytes.as_ptr().cast(), size, &raw mut written) };
            if code.is_err() {
                return Err(HResult(code.0.cast_unsigned()));
            }
            // One that takes nothing would be asked for ever, and one that takes more than there is counts wrongly.
            let rest = bytes.get(written as usize..).filter(|_| written > 0);
            bytes = rest.ok_or(HResult::E_UNEXPECTED)?;
        }
        Ok(())
    }
}
