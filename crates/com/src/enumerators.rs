//! Enumerators: what there was when they were made, in order.
//!
//! Owns the rules of `Next`, `Skip`, `Reset`, `Clone` and `GetCount`, once for all of them: [`Snapshot`]. Must never ask
//! the service: a snapshot does not change.

use std::{
    ffi::c_void,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bgcopy_model::HResult;
use windows_core::{HRESULT, Interface, implement};

use crate::{
    abi::interfaces::{
        IBackgroundCopyFile5, IBackgroundCopyJob5, IEnumBackgroundCopyFiles,
        IEnumBackgroundCopyFiles_Impl, IEnumBackgroundCopyJobs, IEnumBackgroundCopyJobs_Impl, Out,
    },
    fault::{E_POINTER, Outcome, answer},
    file::File,
    job::Job,
    place::Place,
};

/// Things in order, and how far they have been taken.
#[derive(Debug)]
pub struct Snapshot<T> {
    all: Arc<[T]>,
    next: Mutex<usize>,
}

impl<T> Snapshot<T> {
    /// These, none of them taken.
    pub fn new(all: Vec<T>) -> Self {
        Self {
            all: all.into(),
            next: Mutex::new(0),
        }
    }

    /// Hands out up to `count` objects, made of the next things by `make`.
    ///
    /// # Errors
    /// `E_INVALIDARG` when more than one is wanted and nobody asks how many there were, `E_POINTER` without a place for
    /// them.
    ///
    /// # Safety
    /// `objects` is null or has room for `count` pointers; `fetched` is null or valid for a write.
    pub unsafe fn next<I: Interface>(
        &self,
        count: u32,
        objects: Out,
        fetched: *mut u32,
        make: impl Fn(&T) -> I,
    ) -> Outcome<HResult> {
        // SAFETY: the caller's promise.
        let fetched = unsafe { Place::optional(fetched) };
        if let Some(fetched) = &fetched {
            fetched.put(0);
        } else if count > 1 {
            return Err(HResult::E_INVALIDARG.into());
        }
        if objects.is_null() && count > 0 {
            return Err(E_POINTER.into());
        }
        let mut next = self.lock();
        let left = self.all.get(*next..).unwrap_or_default();
        let taken = left.len().min(count as usize);
        for (at, thing) in left[..taken].iter().enumerate() {
            let object: *mut c_void = make(thing).into_raw();
            // SAFETY: `at` is below `count`, and else the caller's promise.
            unsafe { objects.add(at).write_unaligned(object) };
        }
        *next += taken;
        drop(next);
        if let Some(fetched) = &fetched {
            // No more than `count`, which fits.
            fetched.put(u32::try_from(taken).unwrap_or(u32::MAX));
        }
        Ok(short(taken < count as usize))
    }

    /// Leaves out the next ones.
    pub fn skip(&self, count: u32) -> HResult {
        let mut next = self.lock();
        let left = self.all.len() - *next;
        *next += left.min(count as usize);
        short(left < count as usize)
    }

    /// Begins again.
    pub fn reset(&self) {
        *self.lock() = 0;
    }

    /// Another enumerator of the same, as far as this one is.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            all: self.all.clone(),
            next: Mutex::new(*self.lock()),
        }
    }

    /// Tells how many there are in all.
    ///
    /// # Errors
    /// `E_POINTER` without a place for it.
    ///
    /// # Safety
    /// `count` is null or valid for a write.
    pub unsafe fn tell_count(&self, count: *mut u32) -> Outcome {
        // SAFETY: the caller's promise.
        let count = unsafe { Place::new(count) }?;
        count.put(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        // A number is whole, whoever panicked.
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `S_FALSE` when there were fewer than asked for.
const fn short(is_short: bool) -> HResult {
    if is_short {
        HResult::S_FALSE
    } else {
        HResult::S_OK
    }
}

/// Jobs.
#[implement(IEnumBackgroundCopyJobs)]
#[derive(Debug)]
pub struct Jobs(Snapshot<Job>);

/// Files of a job.
#[implement(IEnumBackgroundCopyFiles)]
#[derive(Debug)]
pub struct Files(Snapshot<File>);

/// The methods of an enumerator, which are the same but for what it enumerates, and those that it alone has.
macro_rules! enumerator {
    (
        $name:ident of $thing:ident: $interface:ident of $item:ident, $methods:ident for $outer:ident
        { $($further:tt)* }
    ) => {
        impl $name {
            /// These, none of them taken.
            pub fn new(all: Vec<$thing>) -> Self {
                Self($crate::enumerators::Snapshot::new(all))
            }
        }

        impl $methods for $outer {
            unsafe fn Next(
                &self,
                count: u32,
                objects: $crate::abi::interfaces::Out,
                fetched: *mut u32,
            ) -> ::windows_core::HRESULT {
                $crate::fault::answer(|| {
                    let make = |thing: &$thing| $item::from(thing.clone());
                    // SAFETY: the caller's promise.
                    unsafe { self.0.next(count, objects, fetched, make) }
                })
            }

            unsafe fn Skip(&self, count: u32) -> ::windows_core::HRESULT {
                $crate::fault::answer(|| Ok(self.0.skip(count)))
            }

            unsafe fn Reset(&self) -> ::windows_core::HRESULT {
                $crate::fault::answer(|| {
                    self.0.reset();
                    Ok(())
                })
            }

            unsafe fn Clone(
                &self,
                copy: $crate::abi::interfaces::Out,
            ) -> ::windows_core::HRESULT {
                $crate::fault::answer(|| {
                    // SAFETY: the caller's promise.
                    let copy = unsafe { $crate::place::Place::empty(copy) }?;
                    copy.interface($interface::from($name(self.0.copy())));
                    Ok(())
                })
            }

            $($further)*
        }
    };
}

pub(crate) use enumerator;

enumerator!(
    Jobs of Job: IEnumBackgroundCopyJobs of IBackgroundCopyJob5,
    IEnumBackgroundCopyJobs_Impl for Jobs_Impl
    {
        unsafe fn GetCount(&self, count: *mut u32) -> HRESULT {
            // SAFETY: the caller's promise.
            answer(|| unsafe { self.0.tell_count(count) })
        }
    }
);
enumerator!(
    Files of File: IEnumBackgroundCopyFiles of IBackgroundCopyFile5,
    IEnumBackgroundCopyFiles_Impl for Files_Impl
    {
        unsafe fn GetCount(&self, count: *mut u32) -> HRESULT {
            // SAFETY: the caller's promise.
            answer(|| unsafe { self.0.tell_count(count) })
        }
    }
);
