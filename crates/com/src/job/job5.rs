//! `IBackgroundCopyJob5`: properties by number.
//!
//! What the service always does or never does is told as it is, and a wish for anything else is refused.

use bgcopy_client::TransferPolicy;
use bgcopy_model::{Condition, HResult};
use windows_core::{GUID, HRESULT};

use super::{Job, Job_Impl};
use crate::{
    abi::{interfaces::IBackgroundCopyJob5_Impl, types::BITS_JOB_PROPERTY_VALUE},
    fault::{Outcome, answer},
    place::Place,
};

/// `BG_E_USE_STORED_CREDENTIALS_NOT_SUPPORTED`.
const NO_STORED_CREDENTIALS: HResult = HResult(0x8020_0066);
/// Between two calls of `JobModification` for one job at least, in milliseconds: the contract's two a second.
const NOTIFICATION_INTERVAL: u32 = 500;

/// `BITS_JOB_PROPERTY_ID_…`, as far as there are any.
#[derive(Clone, Copy, Debug)]
enum Property {
    CostFlags,
    NotificationClass,
    DynamicContent,
    HighPerformance,
    MaxDownloadSize,
    UseStoredCredentials,
    NotificationInterval,
    OnDemand,
}

impl Property {
    const fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            1 => Self::CostFlags,
            2 => Self::NotificationClass,
            3 => Self::DynamicContent,
            4 => Self::HighPerformance,
            5 => Self::MaxDownloadSize,
            7 => Self::UseStoredCredentials,
            9 => Self::NotificationInterval,
            10 => Self::OnDemand,
            _ => return None,
        })
    }
}

impl Job {
    fn property(&self, code: i32) -> Outcome<Property> {
        Property::from_code(code).ok_or_else(|| self.fault(Condition::UnknownProperty))
    }

    fn set(&self, property: Property, value: BITS_JOB_PROPERTY_VALUE) -> Outcome {
        match property {
            Property::CostFlags => {
                // SAFETY: the member of this property; every number is one.
                let policy = TransferPolicy::from_bits(unsafe { value.dword });
                let policy = policy.ok_or(HResult::E_INVALIDARG)?;
                Ok(self.client()?.set_transfer_policy(policy)?)
            }
            // SAFETY: the member of this property; every number is one.
            Property::DynamicContent if unsafe { value.enable } != 0 => self.check_open(),
            // SAFETY: see above.
            Property::HighPerformance | Property::OnDemand if unsafe { value.enable } == 0 => {
                self.check_open()
            }
            Property::UseStoredCredentials => Err(NO_STORED_CREDENTIALS.into()),
            _ => Err(HResult::E_NOTIMPL.into()),
        }
    }

    fn get(&self, property: Property) -> Outcome<BITS_JOB_PROPERTY_VALUE> {
        type Value = BITS_JOB_PROPERTY_VALUE;
        let info = self.info()?;
        // All bytes are written, whichever member it is.
        let mut value = Value {
            cluster_id: GUID::zeroed(),
        };
        match property {
            Property::CostFlags => value.dword = info.transfer_policy.bits(),
            Property::DynamicContent => value.enable = 1,
            Property::MaxDownloadSize => value.uint64 = u64::MAX,
            Property::NotificationInterval => value.dword = NOTIFICATION_INTERVAL,
            Property::NotificationClass
            | Property::HighPerformance
            | Property::UseStoredCredentials
            | Property::OnDemand => {}
        }
        Ok(value)
    }
}

impl IBackgroundCopyJob5_Impl for Job_Impl {
    unsafe fn SetProperty(&self, property: i32, value: BITS_JOB_PROPERTY_VALUE) -> HRESULT {
        answer(|| self.set(self.property(property)?, value))
    }

    unsafe fn GetProperty(&self, property: i32, value: *mut BITS_JOB_PROPERTY_VALUE) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(value) }?;
            place.put(self.get(self.property(property)?)?);
            Ok(())
        })
    }
}
