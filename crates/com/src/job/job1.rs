//! `IBackgroundCopyJob`.

use std::time::Duration;

use bgcopy_client::{Ended, FileRequest, NotifyFlags, Priority, Proxies, Timestamp};
use bgcopy_model::{Condition, HResult, UNKNOWN_SIZE};
use windows_core::{GUID, HRESULT};

use super::{Job, Job_Impl};
use crate::{
    abi::{
        interfaces::{
            IBackgroundCopyError, IBackgroundCopyJob_Impl, IEnumBackgroundCopyFiles, In, Out,
        },
        types::{BG_FILE_INFO, BG_JOB_PROGRESS, BG_JOB_TIMES, FILETIME, OutText, PCWSTR},
    },
    enumerators::Files,
    error::Error,
    exports::guid_of,
    fault::{Outcome, answer},
    file::File,
    manager::DOWNLOAD,
    place::Place,
    text,
};

/// `BG_JOB_PROXY_USAGE_…`.
mod usage {
    pub const PRECONFIG: i32 = 0;
    pub const NO_PROXY: i32 = 1;
    pub const OVERRIDE: i32 = 2;
    pub const AUTODETECT: i32 = 3;
}

/// The SID of a Unix user in the authority that Samba has for those (`S-1-22-1`).
fn sid(owner: u32) -> String {
    format!("S-1-22-1-{owner}")
}

/// A time as COM has it; 0: there is none.
fn filetime(time: Option<Timestamp>) -> FILETIME {
    let ticks = time.map_or(0, Timestamp::filetime);
    FILETIME {
        low: (ticks & 0xffff_ffff) as u32,
        high: (ticks >> 32) as u32,
    }
}

/// Whole seconds as the ABI has them.
pub(super) fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// The members of a list of proxies or hosts: between them are spaces or semicolons.
fn members(list: &str) -> Vec<String> {
    let is_between = |c: char| c.is_whitespace() || c == ';';
    let members = list.split(is_between).filter(|it| !it.is_empty());
    members.map(str::to_owned).collect()
}

/// A success with a reservation has a number of its own.
const fn ended(ended: Ended) -> HResult {
    match ended {
        Ended::Wholly => HResult::S_OK,
        Ended::Partly => HResult::BG_S_PARTIAL_COMPLETE,
        Ended::FilesLeft => HResult::BG_S_UNABLE_TO_DELETE_FILES,
    }
}

impl Job {
    /// # Safety
    /// `place` is null or valid for a write.
    pub(super) unsafe fn tell<T>(
        &self,
        place: *mut T,
        of: impl FnOnce(&bgcopy_client::JobInfo) -> T,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(place) }?;
            place.put(of(&self.info()?));
            Ok(())
        })
    }

    /// # Safety
    /// `place` is null or valid for a write.
    unsafe fn tell_text(
        &self,
        place: OutText,
        of: impl FnOnce(bgcopy_client::JobInfo) -> String,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(place) }?;
            place.text(&of(self.info()?))
        })
    }

    fn set_proxies(&self, usage: i32, proxies: Option<String>, bypass: Option<String>) -> Outcome {
        let settings = match (usage, proxies, bypass) {
            (usage::PRECONFIG, None, None) => Proxies::Preconfigured,
            (usage::NO_PROXY, None, None) => Proxies::None,
            (usage::AUTODETECT, None, None) => Proxies::Autodetect,
            (usage::OVERRIDE, Some(proxies), bypass) => Proxies::List {
                proxies: members(&proxies),
                bypass: members(&bypass.unwrap_or_default()),
            },
            _ => return Err(HResult::E_INVALIDARG.into()),
        };
        Ok(self.client()?.set_proxies(settings)?)
    }
}

impl IBackgroundCopyJob_Impl for Job_Impl {
    unsafe fn AddFileSet(&self, count: u32, files: *const BG_FILE_INFO) -> HRESULT {
        answer(|| {
            if count == 0 || files.is_null() {
                return Err(HResult::E_INVALIDARG.into());
            }
            // SAFETY: the caller's promise: as many as it says.
            let files = unsafe { std::slice::from_raw_parts(files, count as usize) };
            let request = |file: &BG_FILE_INFO| {
                // SAFETY: the caller's promise, as below.
                let url = unsafe { text::text(file.remote_name) }?;
                // SAFETY: see above.
                let path = unsafe { text::text(file.local_name) }?;
                Ok(FileRequest::new(url, path))
            };
            let files = files.iter().map(request).collect::<Outcome<_>>()?;
            self.client()?.add_files(files)?;
            Ok(())
        })
    }

    unsafe fn AddFile(&self, url: PCWSTR, path: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let url = unsafe { text::text(url) }?;
            // SAFETY: see above.
            let path = unsafe { text::text(path) }?;
            self.add_file(url, path, Vec::new())?;
            Ok(())
        })
    }

    unsafe fn EnumFiles(&self, files: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(files) }?;
            let files = self.client()?.files()?;
            let file = |file: bgcopy_client::FileInfo| File::new(self.this.clone(), file.index);
            let files = Files::new(files.into_iter().map(file).collect());
            place.interface(IEnumBackgroundCopyFiles::from(files));
            Ok(())
        })
    }

    unsafe fn Suspend(&self) -> HRESULT {
        answer(|| Ok(self.client()?.suspend()?))
    }

    unsafe fn Resume(&self) -> HRESULT {
        answer(|| Ok(self.client()?.resume()?))
    }

    unsafe fn Cancel(&self) -> HRESULT {
        answer(|| {
            let how = self.client()?.cancel()?;
            self.forget_listener();
            Ok(ended(how))
        })
    }

    unsafe fn Complete(&self) -> HRESULT {
        answer(|| {
            let how = self.client()?.complete()?;
            self.forget_listener();
            Ok(ended(how))
        })
    }

    unsafe fn GetId(&self, id: *mut GUID) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(id) }?;
            place.put(guid_of(self.id()));
            Ok(())
        })
    }

    unsafe fn GetType(&self, kind: *mut i32) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(kind) }?;
            place.put(DOWNLOAD);
            Ok(())
        })
    }

    unsafe fn GetProgress(&self, progress: *mut BG_JOB_PROGRESS) -> HRESULT {
        let of = |info: &bgcopy_client::JobInfo| BG_JOB_PROGRESS {
            bytes_total: info.bytes_total.unwrap_or(UNKNOWN_SIZE),
            bytes_transferred: info.bytes_transferred,
            files_total: info.files_total,
            files_transferred: info.files_transferred,
        };
        // SAFETY: the caller's promise.
        unsafe { self.tell(progress, of) }
    }

    unsafe fn GetTimes(&self, times: *mut BG_JOB_TIMES) -> HRESULT {
        let of = |info: &bgcopy_client::JobInfo| BG_JOB_TIMES {
            creation: filetime(Some(info.created)),
            modification: filetime(Some(info.modified)),
            transfer_completion: filetime(info.transferred_at),
        };
        // SAFETY: the caller's promise.
        unsafe { self.tell(times, of) }
    }

    unsafe fn GetState(&self, state: *mut i32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(state, |info| info.state.code().cast_signed()) }
    }

    unsafe fn GetError(&self, error: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(error) }?;
            let info = self.client()?.error()?;
            let info = info.ok_or_else(|| self.fault(Condition::NoErrorInformation))?;
            let error = Error::new(self.this.clone(), info);
            place.interface(IBackgroundCopyError::from(error));
            Ok(())
        })
    }

    unsafe fn GetOwner(&self, owner: OutText) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell_text(owner, |info| sid(info.owner)) }
    }

    unsafe fn SetDisplayName(&self, name: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let name = unsafe { text::text(name) }?;
            Ok(self.client()?.set_name(name)?)
        })
    }

    unsafe fn GetDisplayName(&self, name: OutText) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell_text(name, |info| info.name) }
    }

    unsafe fn SetDescription(&self, description: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let description = unsafe { text::text(description) }?;
            Ok(self.client()?.set_description(description)?)
        })
    }

    unsafe fn GetDescription(&self, description: OutText) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell_text(description, |info| info.description) }
    }

    unsafe fn SetPriority(&self, priority: i32) -> HRESULT {
        answer(|| {
            let code = priority.cast_unsigned();
            let priority = Priority::from_code(code).ok_or(HResult::E_INVALIDARG)?;
            Ok(self.client()?.set_priority(priority)?)
        })
    }

    unsafe fn GetPriority(&self, priority: *mut i32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(priority, |info| info.priority.code().cast_signed()) }
    }

    unsafe fn SetNotifyFlags(&self, flags: u32) -> HRESULT {
        answer(|| {
            let flags = NotifyFlags::from_bits(flags).ok_or(HResult::E_NOTIMPL)?;
            Ok(self.client()?.set_notify_flags(flags)?)
        })
    }

    unsafe fn GetNotifyFlags(&self, flags: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(flags, |info| info.notify_flags.bits()) }
    }

    unsafe fn SetNotifyInterface(&self, callback: In) -> HRESULT {
        // SAFETY: the caller's promise.
        answer(|| unsafe { self.listen(callback) })
    }

    unsafe fn GetNotifyInterface(&self, callback: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(callback) }?;
            if let Some(listener) = self.listener()? {
                place.interface(listener);
            }
            Ok(())
        })
    }

    unsafe fn SetMinimumRetryDelay(&self, seconds: u32) -> HRESULT {
        answer(|| {
            let delay = Duration::from_secs(seconds.into());
            Ok(self.client()?.set_minimum_retry_delay(delay)?)
        })
    }

    unsafe fn GetMinimumRetryDelay(&self, place: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(place, |info| seconds(info.minimum_retry_delay)) }
    }

    unsafe fn SetNoProgressTimeout(&self, seconds: u32) -> HRESULT {
        answer(|| {
            let timeout = Duration::from_secs(seconds.into());
            Ok(self.client()?.set_no_progress_timeout(timeout)?)
        })
    }

    unsafe fn GetNoProgressTimeout(&self, place: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(place, |info| seconds(info.no_progress_timeout)) }
    }

    unsafe fn GetErrorCount(&self, count: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(count, |info| info.error_count) }
    }

    unsafe fn SetProxySettings(&self, usage: i32, proxies: PCWSTR, bypass: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let proxies = unsafe { text::optional(proxies) }?;
            // SAFETY: see above.
            let bypass = unsafe { text::optional(bypass) }?;
            self.set_proxies(usage, proxies, bypass)
        })
    }

    unsafe fn GetProxySettings(
        &self,
        usage: *mut i32,
        proxies: OutText,
        bypass: OutText,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let usage = unsafe { Place::new(usage) }?;
            // SAFETY: see above.
            let proxies = unsafe { Place::empty(proxies) }?;
            // SAFETY: see above.
            let bypass = unsafe { Place::empty(bypass) }?;
            match self.client()?.proxies()? {
                Proxies::Preconfigured => usage.put(usage::PRECONFIG),
                Proxies::None => usage.put(usage::NO_PROXY),
                Proxies::Autodetect => usage.put(usage::AUTODETECT),
                Proxies::List {
                    proxies: list,
                    bypass: without,
                } => {
                    usage.put(usage::OVERRIDE);
                    proxies.text(&list.join(" "))?;
                    if !without.is_empty() {
                        bypass.text(&without.join(" "))?;
                    }
                }
            }
            Ok(())
        })
    }

    unsafe fn TakeOwnership(&self) -> HRESULT {
        answer(|| Ok(self.client()?.take_ownership()?))
    }
}
