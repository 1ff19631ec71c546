//! Downloads: what their calls may do in which state, and what their properties come to.
//!
//! A download is a job with at most one file, so that its life, its turn, its retries, its expiry and its crash protocol
//! are those of every job. Here is only what the contract's second surface has of its own: a table of calls by six
//! states, properties, and range sets that follow one another in one file.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bgcopy_model::{
    ByteRange, ClientContext, Condition, DownloadAccess, DownloadKind, DownloadProperty,
    DownloadRecord, DownloadState, DownloadValue, FileIndex, FilePhase, FileSpec, HttpOptions,
    Inode, JobError, JobId, JobPhase, JobSpec, Layout, Limits, NotifyFlags, Now, Owner, Priority,
    Profile, SecurityFlags, Sink, parse_headers,
};
use url::Url;

use crate::{
    Engine, Refusal, Reply, Ticket, calls::Answer, intake, job::Job, job_mut::JobMut, retry,
};

/// A download's only file.
pub(crate) const FILE: FileIndex = 0;

/// The longest text of a property that has no limit of its own, and the most bytes, in bytes.
const LONGEST_VALUE: usize = 16 * 1_024;

/// A method call of a download that is there.
#[derive(Clone, Debug)]
pub enum DownloadCall {
    /// Begins it, lets it go on, or takes the next range set; no range: the whole file. And the folder that its path
    /// led to when that was checked.
    Start(Vec<ByteRange>, Option<Inode>),
    /// Stops it.
    Pause,
    /// Ends it and names its file.
    Finalize,
    /// Ends it and deletes what it fetched.
    Abort,
    /// Sets a property.
    Set(DownloadProperty, DownloadValue),
    /// Has its bytes go to a stream that the service holds from now on. Whether nobody reads the one before any more,
    /// so that this takes its place, is for the caller to say.
    SetStream {
        /// Whether the one before is of no use.
        replaces: bool,
    },
}

impl Engine {
    /// Carries out a call of a download.
    pub(crate) fn download_call(
        &mut self,
        ticket: Ticket,
        id: JobId,
        call: DownloadCall,
        now: Now,
    ) -> Answer {
        let Some(mut job) = self.open(id, now) else {
            return Err(no_download(id));
        };
        let Some(state) = job.job.download_state() else {
            return Err(no_download(id));
        };
        match call {
            DownloadCall::Start(ranges, folder) => job.start_download(state, &ranges, folder),
            DownloadCall::Pause => job.pause(state),
            DownloadCall::Finalize => job.finalize(state, ticket),
            DownloadCall::Abort => job.abort(state, ticket),
            DownloadCall::Set(property, value) => job.set_property(state, property, value),
            DownloadCall::SetStream { replaces } => job.set_stream(state, replaces),
        }
    }

    /// Makes a download.
    pub(crate) fn create_download(
        &mut self,
        id: JobId,
        owner: Owner,
        record: DownloadRecord,
        context: ClientContext,
        now: Now,
    ) -> Answer {
        for (property, value) in &record.properties {
            check_value(*property, value)?;
        }
        let spec = JobSpec {
            profile: Profile::Do,
            name: String::new(),
            description: String::new(),
            priority: Priority::Normal,
            auto_complete: false,
            // Who watches a download is called by its state, not by what is due to a job's client.
            notify_flags: NotifyFlags::DISABLE,
            notify_command: Vec::new(),
            activation: None,
            // A pause of ten minutes after the first broken connection is more than some timeouts allow.
            minimum_retry_delay: Some(retry::SHORTEST_DELAY),
            no_progress_timeout: None,
            headers: record.headers(),
            http: HttpOptions::default(),
            context,
        };
        let mut job = self.new_job(id, owner, spec, now)?;
        job.record.download = Some(Box::new(record));
        self.admit(job);
        if let Some(mut job) = self.open(id, now) {
            job.apply_properties();
            job.put();
            job.touch();
        }
        Ok(Some(Reply::Created(id)))
    }
}

impl Job {
    /// The state that the contract shows of a download; `None`: it is a job.
    pub fn download_state(&self) -> Option<DownloadState> {
        self.record.download.as_ref()?;
        Some(DownloadState::of(
            &self.record.phase,
            !self.files().is_empty(),
        ))
    }

    pub(crate) fn download(&self) -> Option<&DownloadRecord> {
        self.record.download.as_deref()
    }
}

impl JobMut<'_> {
    fn start_download(
        &mut self,
        state: DownloadState,
        ranges: &[ByteRange],
        folder: Option<Inode>,
    ) -> Answer {
        self.require_settled()?;
        match state {
            DownloadState::Created => self.begin_file(ranges, folder),
            DownloadState::Transferring => Ok(Some(Reply::Done)),
            DownloadState::Paused => {
                let file = self.job.file(FILE);
                if !file.is_some_and(|file| file.record.ranges.ends_with(ranges)) {
                    let detail = "another range set is under way; wait until it is transferred";
                    return Err(Refusal::new(Condition::InvalidState, detail));
                }
                self.require_checkable()?;
                self.require_stream()?;
                self.resume()
            }
            DownloadState::Transferred => self.next_ranges(ranges),
            DownloadState::Finalized | DownloadState::Aborted => Err(wrong_state(state)),
        }
    }

    /// The first Start: what the properties say becomes the file.
    fn begin_file(&mut self, ranges: &[ByteRange], folder: Option<Inode>) -> Answer {
        let text = |property| self.job.download().and_then(|it| it.text(property));
        let missing = |condition: Condition| Refusal::new(condition, condition.description());
        let uri = text(DownloadProperty::Uri).ok_or_else(|| missing(Condition::NoUri))?;
        let (url, ranges) = (parse_url(uri)?, ranges.to_vec());
        let path = text(DownloadProperty::LocalPath).map(PathBuf::from);
        self.require_checkable()?;
        let files = match path {
            Some(path) => {
                let spec = FileSpec {
                    url,
                    mirrors: Vec::new(),
                    path,
                    folder,
                    ranges,
                    checksum: None,
                };
                intake::file_records(self.job, vec![spec], self.limits)?
            }
            None if self.job.stream.is_held() => {
                let record = intake::pathless_record(FILE, url, ranges, self.limits)?;
                vec![Arc::new(record)]
            }
            None => return Err(missing(Condition::NoSink)),
        };
        self.take_in(files);
        self.touch();
        self.resume()
    }

    /// Refuses to begin what must be checked in a way that this service does not know.
    fn require_checkable(&self) -> Result<(), Refusal> {
        let Some(download) = self.job.download() else {
            return Ok(());
        };
        if download.flag(DownloadProperty::IntegrityCheckMandatory) != Some(true) {
            return Ok(());
        }
        let has_info = download
            .text(DownloadProperty::IntegrityCheckInfo)
            .is_some_and(|info| !info.is_empty());
        let condition = if has_info {
            Condition::IntegrityCheckUnavailable
        } else {
            Condition::IntegrityCheckUnspecified
        };
        Err(Refusal::new(condition, condition.description()))
    }

    /// The next range set: its bytes go behind those that are there.
    fn next_ranges(&mut self, ranges: &[ByteRange]) -> Answer {
        self.require_stream()?;
        let Some(record) = self.job.file(FILE).map(|file| &file.record) else {
            return Err(wrong_state(DownloadState::Transferred));
        };
        let was_whole = record.ranges.is_empty();
        if ranges.is_empty() && was_whole {
            let detail = "the whole file is here already; only ranges of it can follow";
            return Err(Refusal::new(Condition::InvalidState, detail));
        }
        let refused =
            |error: bgcopy_model::LayoutError| Refusal::new(error.into(), error.to_string());
        Layout::new(ranges).map_err(refused)?;
        let mut all = settled(&record.ranges, record.size.unwrap_or_default());
        let whole = ByteRange {
            offset: 0,
            length: ByteRange::TO_END,
        };
        match ranges {
            [] => all.push(whole),
            ranges => all.extend_from_slice(ranges),
        }
        if all.len() > self.limits.ranges_per_file as usize {
            let most = self.limits.ranges_per_file;
            let detail = format!("a file may have {most} ranges");
            return Err(Refusal::new(Condition::TooManyRanges, detail));
        }
        let layout = Layout::checked(&all);
        let remote = record
            .validator
            .size
            .or(if was_whole { record.size } else { None });
        if let Some(remote) = remote {
            layout.check(remote).map_err(refused)?;
        }
        let size = layout.local_size(remote);
        self.edit(FILE, |file| {
            let record = file.change();
            if let Sink::Stream { set } = &mut record.sink {
                *set = record.size.unwrap_or_default();
            }
            record.ranges = all;
            record.size = size;
            record.phase = FilePhase::Pending;
        });
        self.put_file(FILE);
        self.progressed(FILE);
        self.job.record.transferred_at = None;
        self.reset_clocks();
        self.put();
        self.queue();
        Ok(Some(Reply::Done))
    }

    fn pause(&mut self, state: DownloadState) -> Answer {
        match state {
            DownloadState::Finalized | DownloadState::Aborted => Err(wrong_state(state)),
            DownloadState::Transferring => self.suspend(),
            // It stays paused, and is not tried again by itself any more.
            DownloadState::Paused
                if matches!(self.job.record.phase, JobPhase::TransientError { .. }) =>
            {
                self.suspend()
            }
            _ => Ok(Some(Reply::Done)),
        }
    }

    fn finalize(&mut self, state: DownloadState, ticket: Ticket) -> Answer {
        match state {
            DownloadState::Transferred => self.complete(ticket),
            DownloadState::Finalized => Ok(Some(Reply::Done)),
            _ => Err(wrong_state(state)),
        }
    }

    fn abort(&mut self, state: DownloadState, ticket: Ticket) -> Answer {
        match state {
            DownloadState::Aborted => Ok(Some(Reply::Done)),
            DownloadState::Finalized => Err(wrong_state(state)),
            _ => self.cancel(ticket),
        }
    }

    fn set_property(
        &mut self,
        state: DownloadState,
        property: DownloadProperty,
        value: DownloadValue,
    ) -> Answer {
        check_value(property, &value)?;
        let may = match property.access() {
            DownloadAccess::ReadOnly => false,
            DownloadAccess::Created => state == DownloadState::Created,
            DownloadAccess::Stopped => {
                matches!(state, DownloadState::Created | DownloadState::Paused)
            }
            DownloadAccess::Open => !state.is_final(),
        };
        if !may {
            return Err(wrong_state(state));
        }
        if property == DownloadProperty::LocalPath && self.job.stream.is_held() {
            let detail = "the download has a stream to write to; make another one for a file";
            return Err(Refusal::new(Condition::SinkAlreadySet, detail));
        }
        let Some(download) = &mut self.job.record.download else {
            return Ok(Some(Reply::Done));
        };
        let before = download.properties.insert(property, value);
        if let Err(refusal) = intake::check_headers(&download.headers()) {
            match before {
                Some(before) => download.properties.insert(property, before),
                None => download.properties.remove(&property),
            };
            return Err(refusal);
        }
        self.apply_properties();
        self.put();
        self.touch();
        Ok(Some(Reply::Done))
    }

    /// Brings the job's record up to date with the properties.
    fn apply_properties(&mut self) {
        let Some(download) = self.job.download() else {
            return;
        };
        let is_foreground = download.flag(DownloadProperty::ForegroundPriority) == Some(true);
        let priority = if is_foreground {
            Priority::Foreground
        } else {
            Priority::Normal
        };
        let seconds = download.number(DownloadProperty::NoProgressTimeoutSeconds);
        let timeout = seconds.map_or_else(
            || retry::default_timeout(Profile::Do, priority),
            |seconds| Duration::from_secs(seconds.into()),
        );
        let name = download.text(DownloadProperty::DisplayName);
        let name = name.unwrap_or_default().to_owned();
        let headers = download.headers();
        let security = match download.flag(DownloadProperty::HttpAllowSecureToNonSecureRedirect) {
            Some(true) => SecurityFlags::from_bits(SecurityFlags::HTTPS_TO_HTTP),
            _ => Ok(SecurityFlags::default()),
        };
        // One flag alone is always right.
        let security = security.unwrap_or_default();
        let uri = download.text(DownloadProperty::Uri);
        let url = uri.and_then(|uri| parse_url(uri).ok());
        let moved = |url: &Url| {
            let file = self.job.file(FILE);
            file.is_some_and(|file| *file.record.url != *url)
        };
        if let Some(url) = url.filter(moved) {
            self.move_to(FILE, url);
        }
        let record = &mut self.job.record;
        record.name = name;
        record.headers = headers;
        record.http.security = security;
        record.no_progress_timeout = timeout;
        if record.priority != priority {
            record.priority = priority;
            self.priority_changed(priority);
        }
    }

    /// What is wrong with a file whose remote size is `told`, when its client announced another one.
    pub fn contradiction(&self, index: FileIndex, told: Option<u64>) -> Option<JobError> {
        let announced = self.job.download()?.announced_size()?;
        let told = told.filter(|told| *told != announced)?;
        let url = &self.job.file(index)?.record.url;
        let host = url.host_str().unwrap_or_default();
        Some(JobError {
            condition: Condition::InvalidResponse,
            file: Some(index),
            detail: format!("the file at {host} has {told} bytes; TotalSizeBytes says {announced}"),
        })
    }
}

/// Checks a value as far as it can be told without the download.
fn check_value(property: DownloadProperty, value: &DownloadValue) -> Result<(), Refusal> {
    use DownloadProperty as P;
    let name = property.name();
    let refuse = |detail: String| Err(Refusal::new(Condition::InvalidArgument, detail));
    if property.access() == DownloadAccess::ReadOnly {
        let detail = format!("{name} can only be read");
        return Err(Refusal::new(Condition::ReadOnlyProperty, detail));
    }
    if property.kind() == DownloadKind::Object {
        let detail = format!("{name} is no value that can be set");
        return Err(Refusal::new(Condition::NotImplemented, detail));
    }
    if property.kind() != value.kind() {
        return refuse(format!("{name} has another type"));
    }
    match (property, value) {
        (P::Uri, DownloadValue::Text(uri)) => {
            intake::check_text("URI", uri, Limits::URL)?;
            parse_url(uri).map(drop)
        }
        (P::LocalPath, DownloadValue::Text(path)) if path.ends_with('/') => {
            refuse(format!("LocalPath must name a file: {path}"))
        }
        (P::LocalPath, DownloadValue::Text(path)) => intake::destination(path.as_ref()).map(drop),
        (P::DisplayName, DownloadValue::Text(text)) => {
            intake::check_text("display name", text, Limits::NAME)
        }
        (P::HttpCustomHeaders | P::HttpCustomAuthHeaders, DownloadValue::Text(text)) => {
            // The refusal does not repeat them.
            let Some(headers) = parse_headers(text) else {
                return refuse(format!("{name} has a line that is no header field"));
            };
            intake::check_headers(&headers)
        }
        (P::NoProgressTimeoutSeconds, DownloadValue::Number(seconds))
            if *seconds < DownloadRecord::SHORTEST_TIMEOUT =>
        {
            let least = DownloadRecord::SHORTEST_TIMEOUT;
            refuse(format!("{name} is {seconds}; {least} is the least"))
        }
        (P::CallbackFreqPercent, DownloadValue::Number(percent)) if *percent > 100 => {
            refuse(format!("{name} is {percent}; 100 is the most"))
        }
        (_, DownloadValue::Text(text)) if text.len() > LONGEST_VALUE => {
            refuse(format!("{name} has more than {LONGEST_VALUE} bytes"))
        }
        (_, DownloadValue::Bytes(bytes)) if bytes.len() > LONGEST_VALUE => {
            refuse(format!("{name} has more than {LONGEST_VALUE} bytes"))
        }
        _ => Ok(()),
    }
}

/// A URI, which can carry a password: a refusal does not repeat it.
fn parse_url(uri: &str) -> Result<Url, Refusal> {
    let url = Url::parse(uri).map_err(|error| {
        let detail = format!("the URI cannot be understood: {error}");
        Refusal::new(Condition::InvalidArgument, detail)
    })?;
    intake::check_scheme(&url)?;
    Ok(url)
}

/// The same ranges with a length each, for a local file of `size` bytes that has them all.
fn settled(ranges: &[ByteRange], size: u64) -> Vec<ByteRange> {
    if ranges.is_empty() {
        let all = ByteRange {
            offset: 0,
            length: size,
        };
        return (size > 0).then_some(all).into_iter().collect();
    }
    // One range of a set at most goes to the end, else two would overlap; those of earlier sets were settled.
    let is_open = |range: &&ByteRange| range.length == ByteRange::TO_END;
    let known = ranges.iter().filter(|range| !is_open(range));
    let known: u64 = known.fold(0, |sum, range| sum.saturating_add(range.length));
    let settle = |range: &ByteRange| ByteRange {
        length: match range.length {
            ByteRange::TO_END => size.saturating_sub(known),
            length => length,
        },
        ..*range
    };
    ranges.iter().map(settle).collect()
}

fn no_download(id: JobId) -> Refusal {
    Refusal::new(Condition::NotFound, format!("there is no download {id}"))
}

pub(crate) fn wrong_state(state: DownloadState) -> Refusal {
    let detail = format!("the download is {}", state.name());
    Refusal::new(Condition::InvalidState, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u64 = ByteRange::TO_END;

    fn ranges(list: &[(u64, u64)]) -> Vec<ByteRange> {
        let range = |&(offset, length): &(u64, u64)| ByteRange { offset, length };
        list.iter().map(range).collect()
    }

    #[test]
    fn ranges_that_are_there_get_the_lengths_that_they_turned_out_to_have() {
        assert_eq!(settled(&[], 0), []);
        assert_eq!(settled(&[], 9), ranges(&[(0, 9)]));
        let open = ranges(&[(50, END), (0, 10)]);
        assert_eq!(settled(&open, 35), ranges(&[(50, 25), (0, 10)]));
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        use DownloadProperty as P;
        let text = |text: &str| DownloadValue::Text(text.to_owned());
        for (property, value, condition) in [
            (P::Id, text("x"), Condition::ReadOnlyProperty),
            (P::StreamInterface, text("x"), Condition::ReadOnlyProperty),
            (P::Uri, text("ftp://h/x"), Condition::SchemeUnsupported),
            (P::Uri, text("x"), Condition::InvalidArgument),
            (P::Uri, DownloadValue::Number(1), Condition::InvalidArgument),
            (P::LocalPath, text("x"), Condition::InvalidArgument),
            (P::LocalPath, text("/x/"), Condition::InvalidArgument),
            (P::HttpCustomHeaders, text("A"), Condition::InvalidArgument),
            (
                P::NoProgressTimeoutSeconds,
                DownloadValue::Number(59),
                Condition::InvalidArgument,
            ),
            (
                P::CallbackFreqPercent,
                DownloadValue::Number(101),
                Condition::InvalidArgument,
            ),
        ] {
            let refusal = check_value(property, &value).unwrap_err();
            assert_eq!(refusal.condition, condition, "{}", property.name());
        }
    }
}
