//! `IBackgroundCopyJob2`: the program that is run, credentials; and the replies of uploads, which there are none of.

use bgcopy_client::{AuthScheme, AuthTarget};
use bgcopy_model::{Condition, HResult};
use windows_core::HRESULT;

use super::{Job, Job_Impl, program};
use crate::{
    abi::{
        interfaces::IBackgroundCopyJob2_Impl,
        types::{BG_AUTH_CREDENTIALS, BG_JOB_REPLY_PROGRESS, OutText, PCWSTR},
    },
    fault::{E_POINTER, Fault, Outcome, answer},
    place::Place,
    text,
};

impl Job {
    fn target(&self, code: i32) -> Outcome<AuthTarget> {
        match code {
            1 => Ok(AuthTarget::Server),
            2 => Ok(AuthTarget::Proxy),
            _ => Err(self.fault(Condition::InvalidAuthTarget)),
        }
    }

    fn scheme(&self, code: i32) -> Outcome<AuthScheme> {
        match code {
            1 => Ok(AuthScheme::Basic),
            2 => Ok(AuthScheme::Digest),
            // NTLM, Negotiate and Passport are the schemes of other systems.
            _ => Err(self.fault(Condition::InvalidAuthScheme)),
        }
    }
}

impl IBackgroundCopyJob2_Impl for Job_Impl {
    unsafe fn SetNotifyCmdLine(&self, program: PCWSTR, parameters: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let program = unsafe { text::optional(program) }?;
            // SAFETY: see above.
            let parameters = unsafe { text::optional(parameters) }?;
            let command = program::command(program, parameters.as_deref())?;
            Ok(self.client()?.set_notify_command(command)?)
        })
    }

    unsafe fn GetNotifyCmdLine(&self, program: OutText, parameters: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let program = unsafe { Place::empty(program) }?;
            // SAFETY: see above.
            let parameters = unsafe { Place::empty(parameters) }?;
            let command = self.info()?.notify_command;
            if let Some(executable) = command.first() {
                program.text(executable)?;
            }
            if command.len() > 1 {
                parameters.text(&program::line(&command))?;
            }
            Ok(())
        })
    }

    unsafe fn GetReplyProgress(&self, progress: *mut BG_JOB_REPLY_PROGRESS) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            unsafe { Place::new(progress) }?;
            Err::<(), _>(HResult::E_NOTIMPL.into())
        })
    }

    unsafe fn GetReplyData(&self, data: *mut *mut u8, length: *mut u64) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            unsafe { Place::empty(data) }?;
            // SAFETY: see above.
            unsafe { Place::new(length) }?.put(0);
            Err::<(), _>(HResult::E_NOTIMPL.into())
        })
    }

    unsafe fn SetReplyFileName(&self, _name: PCWSTR) -> HRESULT {
        answer(|| Err::<(), _>(HResult::E_NOTIMPL.into()))
    }

    unsafe fn GetReplyFileName(&self, name: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            unsafe { Place::empty(name) }?;
            Err::<(), _>(HResult::E_NOTIMPL.into())
        })
    }

    unsafe fn SetCredentials(&self, credentials: *const BG_AUTH_CREDENTIALS) -> HRESULT {
        answer(|| {
            if credentials.is_null() {
                return Err(Fault(E_POINTER));
            }
            // SAFETY: it is not null, and else the caller's promise.
            let credentials = unsafe { credentials.read_unaligned() };
            let target = self.target(credentials.target)?;
            let scheme = self.scheme(credentials.scheme)?;
            // SAFETY: the caller's promise: these schemes have this member.
            let user = unsafe { text::text(credentials.credentials.user_name) }?;
            // SAFETY: see above.
            let password = unsafe { text::text(credentials.credentials.password) }?;
            let client = self.client()?;
            Ok(client.set_credentials(target, scheme, user, password)?)
        })
    }

    unsafe fn RemoveCredentials(&self, target: i32, scheme: i32) -> HRESULT {
        answer(|| {
            let (target, scheme) = (self.target(target)?, self.scheme(scheme)?);
            Ok(self.client()?.remove_credentials(target, scheme)?)
        })
    }
}
