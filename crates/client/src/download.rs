//! A download: one file, with the states and properties of the contract's second surface.
//!
//! ```no_run
//! # async fn example() -> Result<(), bgcopy_client::Error> {
//! let manager = bgcopy_client::Manager::connect().await?;
//! let download = manager.create_download().await?;
//! download.set_uri("https://example.org/disk.img").await?;
//! download.set_local_path("/var/tmp/disk.img").await?;
//! download.start().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Owns nothing but the download's identity; every look is a call.

use std::{collections::BTreeMap, os::fd::OwnedFd, path::Path, sync::Arc, time::Duration};

use bgcopy_bus::{
    DownloadProperties, ErrorName,
    download::{from_variant, to_variant},
    names::{NO_OBJECT, download_of_path, download_path},
};
use bgcopy_model::{
    ByteRange, DownloadProperty, DownloadState, DownloadValue, HResult, JobId, UNKNOWN_SIZE,
};
use zbus::{ObjectPath, Variant};

use crate::{
    Error, Manager, Result, builder::seconds, connection::Link, context,
    download_callbacks::Shared, session::Session,
};

/// How a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadStatus {
    /// Its state.
    pub state: DownloadState,
    /// Bytes to receive in all range sets so far; `None` until the origin has told.
    pub bytes_total: Option<u64>,
    /// Bytes received.
    pub bytes_transferred: u64,
    /// What stopped it, until it is started again.
    pub error: Option<HResult>,
    /// What stopped it for a time; it goes on by itself.
    pub extended_error: Option<HResult>,
}

impl TryFrom<bgcopy_bus::DownloadStatus> for DownloadStatus {
    type Error = Error;

    fn try_from(wire: bgcopy_bus::DownloadStatus) -> Result<Self> {
        let unknown = || Error::Protocol(format!("there is no state {}", wire.state));
        let code = |code: u32| (code != 0).then_some(HResult(code));
        Ok(Self {
            state: wire.state().ok_or_else(unknown)?,
            bytes_total: (wire.bytes_total != UNKNOWN_SIZE).then_some(wire.bytes_total),
            bytes_transferred: wire.bytes_transferred,
            error: code(wire.error),
            extended_error: code(wire.extended_error),
        })
    }
}

/// An object that is told of a download's status (`org.bgcopy.DownloadCallback1`).
///
/// The method may be written as a plain `async fn`. Every change of state is told, in order, and bytes at the
/// frequencies that the download has. No two calls overlap for one download. Every method of [`Download`] may be
/// awaited inside it, [`Download::finalize`] and [`Download::abort`] included.
pub trait DownloadCallback: Send + Sync + 'static {
    /// The download is so now.
    fn status_changed(
        &self,
        download: Download,
        status: DownloadStatus,
    ) -> impl Future<Output = ()> + Send + use<'_, Self>;
}

/// One object may serve many downloads.
impl<C: DownloadCallback> DownloadCallback for Arc<C> {
    fn status_changed(
        &self,
        download: Download,
        status: DownloadStatus,
    ) -> impl Future<Output = ()> + Send + use<'_, C> {
        C::status_changed(self, download, status)
    }
}

/// A download. Cheap to clone; dropping it changes nothing in the service.
#[derive(Clone, Debug)]
pub struct Download {
    session: Arc<Session>,
    id: JobId,
}

impl Manager {
    /// Makes a download, Created; it has this process' umask and proxies. It is durable unless
    /// [`Download::set_volatile`] says otherwise.
    pub async fn create_download(&self) -> Result<Download> {
        let variables = context::proxy_variables().0;
        let variables: std::collections::HashMap<String, String> = variables.into_iter().collect();
        let mut options = BTreeMap::from([("Environment", Variant::from(variables))]);
        options.extend(context::umask().map(|umask| ("Umask", Variant::from(umask))));
        let link = self.session().link().await?;
        let path = link.downloads().await?.create_download(&options).await?;
        self.download_at(path.as_str())
    }

    /// A handle on the download of this identity. Whether there is one, the first call tells.
    pub fn download(&self, id: JobId) -> Download {
        Download::new(self.session().clone(), id)
    }

    /// The downloads that are not final, the oldest first: this user's, or everyone's for an administrator who asks.
    pub async fn downloads(&self, all_users: bool) -> Result<Vec<Download>> {
        self.enum_downloads("", Variant::from(""), all_users).await
    }

    /// Those of them that have this value.
    pub async fn downloads_with(
        &self,
        property: DownloadProperty,
        value: &DownloadValue,
    ) -> Result<Vec<Download>> {
        self.enum_downloads(property.name(), to_variant(value), false)
            .await
    }

    async fn enum_downloads(
        &self,
        property: &str,
        value: Variant<'_>,
        all_users: bool,
    ) -> Result<Vec<Download>> {
        let link = self.session().link().await?;
        let downloads = link.downloads().await?;
        let paths = downloads
            .enum_downloads(property, &value, all_users)
            .await?;
        paths
            .iter()
            .map(|path| self.download_at(path.as_str()))
            .collect()
    }

    fn download_at(&self, path: &str) -> Result<Download> {
        let id = download_of_path(path)
            .ok_or_else(|| Error::Protocol(format!("{path} is no download")))?;
        Ok(self.download(id))
    }
}

impl Download {
    pub(crate) const fn new(session: Arc<Session>, id: JobId) -> Self {
        Self { session, id }
    }

    async fn link(&self) -> Result<Arc<Link>> {
        self.session.link().await
    }

    /// Its identity.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Created: begins it, for the whole file. Paused: lets it go on.
    pub async fn start(&self) -> Result<()> {
        self.start_ranges(&[]).await
    }

    /// Begins it for these ranges; or, Transferred, takes them as the next range set: their bytes go behind those that
    /// are there.
    pub async fn start_ranges(&self, ranges: &[ByteRange]) -> Result<()> {
        let ranges: Vec<_> = ranges.iter().map(|it| (it.offset, it.length)).collect();
        let link = self.link().await?;
        Ok(link.download(self.id).await?.start(&ranges).await?)
    }

    /// Stops it until it is started again.
    pub async fn pause(&self) -> Result<()> {
        Ok(self.link().await?.download(self.id).await?.pause().await?)
    }

    /// Ends it: the file gets its name.
    pub async fn finalize(&self) -> Result<()> {
        let link = self.link().await?;
        Ok(link.download(self.id).await?.finalize().await?)
    }

    /// Ends it and deletes what it fetched.
    pub async fn abort(&self) -> Result<()> {
        Ok(self.link().await?.download(self.id).await?.abort().await?)
    }

    /// How it is now. Answers for a while after it became final.
    pub async fn status(&self) -> Result<DownloadStatus> {
        let link = self.link().await?;
        let (bytes_total, bytes_transferred, state, error, extended_error) =
            link.download(self.id).await?.status().await?;
        DownloadStatus::try_from(bgcopy_bus::DownloadStatus {
            bytes_total,
            bytes_transferred,
            state,
            error,
            extended_error,
        })
    }

    /// What stopped it, in one sentence; `None`: nothing did.
    pub async fn error_description(&self) -> Result<Option<String>> {
        let link = self.link().await?;
        let (_, properties): (_, DownloadProperties) =
            link.read(download_path(self.id).as_ref()).await?;
        let text = properties.error_description;
        Ok((!text.is_empty()).then_some(text))
    }

    /// A property's value; `None`: it has none.
    ///
    /// # Errors
    /// [`Error::Service`] with `WriteOnlyProperty` for one that may be a secret and is set.
    pub async fn property(&self, property: DownloadProperty) -> Result<Option<DownloadValue>> {
        let link = self.link().await?;
        let download = link.download(self.id).await?;
        match download
            .property(property.name())
            .await
            .map_err(Error::from)
        {
            Ok(value) => match from_variant(property, value) {
                Some(value) => Ok(Some(value)),
                None => Err(Error::Protocol(format!(
                    "{} is no value of this client",
                    property.name()
                ))),
            },
            Err(error) if error.service_name() == Some(ErrorName::PropertyNotSet) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a property.
    pub async fn set_property(
        &self,
        property: DownloadProperty,
        value: DownloadValue,
    ) -> Result<()> {
        let link = self.link().await?;
        let download = link.download(self.id).await?;
        let value = to_variant(&value);
        Ok(download.set_property(property.name(), &value).await?)
    }

    /// Sets where the file is.
    pub async fn set_uri(&self, uri: &str) -> Result<()> {
        self.set_text(DownloadProperty::Uri, uri.to_owned()).await
    }

    /// Sets where the file goes: an absolute path.
    pub async fn set_local_path(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = path
            .to_str()
            .ok_or_else(|| Error::PathNotUtf8(path.to_owned()))?;
        self.set_text(DownloadProperty::LocalPath, text.to_owned())
            .await
    }

    /// Has the bytes written to a stream in place of a file: the write end of a pipe, or an end of a
    /// [`UnixStream::pair`](std::os::unix::net::UnixStream::pair). It is the service's from then on: the reader sees
    /// its end after [`Download::finalize`] and [`Download::abort`], and when the service ends, so that only the
    /// download's state tells whether it has come to the end of the file.
    ///
    /// Bytes come in order and each once. A reader that takes nothing lets the download wait, without a timeout; one
    /// that closes its end pauses it. After a restart of the service, and after a reader that closed its end, a new
    /// stream can be handed over, which begins at the first byte of the range set under way.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::Read;
    ///
    /// let manager = bgcopy_client::Manager::connect().await?;
    /// let download = manager.create_download().await?;
    /// download.set_uri("https://example.org/archive.tar").await?;
    /// let (mut reader, writer) = std::io::pipe()?;
    /// download.set_stream(writer).await?;
    /// let unpacked = std::thread::spawn(move || {
    ///     let mut bytes = Vec::new();
    ///     reader.read_to_end(&mut bytes).map(|_| bytes)
    /// });
    /// download.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Service`] with `InvalidArgument` for anything else than such a stream, `SinkAlreadySet` beside a path
    /// or another stream that is read, `ResourcesExhausted` when the user has too many.
    pub async fn set_stream(&self, stream: impl Into<OwnedFd>) -> Result<()> {
        let stream = zbus::Fd::from(stream.into());
        let link = self.link().await?;
        Ok(link.download(self.id).await?.set_stream(&stream).await?)
    }

    /// Sets a name for people.
    pub async fn set_display_name(&self, name: &str) -> Result<()> {
        self.set_text(DownloadProperty::DisplayName, name.to_owned())
            .await
    }

    /// Sets fields that every request carries. They cannot be read back.
    pub async fn set_headers(&self, headers: &[(&str, &str)]) -> Result<()> {
        let lines = lines(headers);
        self.set_text(DownloadProperty::HttpCustomHeaders, lines)
            .await
    }

    /// Sets fields that authorise every request. They cannot be read back.
    pub async fn set_auth_headers(&self, headers: &[(&str, &str)]) -> Result<()> {
        let lines = lines(headers);
        self.set_text(DownloadProperty::HttpCustomAuthHeaders, lines)
            .await
    }

    /// Sets how long it may go without a byte: whole seconds, at least 60.
    pub async fn set_no_progress_timeout(&self, timeout: Duration) -> Result<()> {
        let value = DownloadValue::Number(seconds(timeout));
        self.set_property(DownloadProperty::NoProgressTimeoutSeconds, value)
            .await
    }

    /// Says whether it runs beside everything.
    pub async fn set_foreground(&self, foreground: bool) -> Result<()> {
        let value = DownloadValue::Flag(foreground);
        self.set_property(DownloadProperty::ForegroundPriority, value)
            .await
    }

    /// Says whether it ends with the service.
    pub async fn set_volatile(&self, volatile: bool) -> Result<()> {
        let value = DownloadValue::Flag(!volatile);
        self.set_property(DownloadProperty::NonVolatile, value)
            .await
    }

    /// Announces the size of the remote file: another one is an error.
    pub async fn set_total_size(&self, bytes: u64) -> Result<()> {
        let value = DownloadValue::Size(bytes);
        self.set_property(DownloadProperty::TotalSizeBytes, value)
            .await
    }

    /// Says how often bytes are told of: after so many hundredths of the file (0: never), and after so much time in
    /// whole seconds (zero: never), whichever comes first.
    pub async fn set_callback_frequency(&self, percent: u32, interval: Duration) -> Result<()> {
        let value = DownloadValue::Number(percent);
        self.set_property(DownloadProperty::CallbackFreqPercent, value)
            .await?;
        let value = DownloadValue::Number(seconds(interval));
        self.set_property(DownloadProperty::CallbackFreqSeconds, value)
            .await
    }

    /// Has this object told of the status, in place of the one before, whoever registered that. It is told as long as
    /// a handle of this connection is there, and registered again when the service comes back after its end.
    ///
    /// # Errors
    /// [`Error::Service`] with `InvalidState` when the download is final.
    pub async fn set_status_interface(&self, callback: impl DownloadCallback) -> Result<()> {
        let callbacks = &self.session.callbacks;
        self.session.keep_callbacks();
        let link = self.link().await?;
        let (path, before) = callbacks.downloads.put(self.id, Shared::new(callback));
        callbacks.added.notify_one();
        let result = async {
            let download = link.download(self.id).await?;
            Ok(download.set_status_interface(&path).await?)
        };
        let result = result.await;
        if result.is_err() {
            match before {
                Some(before) => drop(callbacks.downloads.put(self.id, before)),
                None => callbacks.downloads.forget(self.id),
            }
        }
        result
    }

    /// Has nobody told any more, whoever registered.
    pub async fn clear_status_interface(&self) -> Result<()> {
        let none = ObjectPath::from_str_unchecked(NO_OBJECT);
        let link = self.link().await?;
        let download = link.download(self.id).await?;
        download.set_status_interface(&none).await?;
        self.session.callbacks.downloads.forget(self.id);
        Ok(())
    }

    async fn set_text(&self, property: DownloadProperty, text: String) -> Result<()> {
        self.set_property(property, DownloadValue::Text(text)).await
    }
}

/// Header fields as the property takes them. What would end a line is made what the service refuses.
fn lines(headers: &[(&str, &str)]) -> String {
    let plain = |text: &str| text.replace(['\r', '\n'], "\u{1}");
    let line = |(name, value): &(&str, &str)| [plain(name), plain(value)].join(": ");
    let lines: Vec<_> = headers.iter().map(line).collect();
    lines.join("\r\n")
}
