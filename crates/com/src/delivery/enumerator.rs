//! `IEnumUnknown`: the downloads that a list found.
//!
//! Owns a snapshot; a download that is final by now is still in it, and says so itself.

use windows_core::implement;

use super::download::Download;
use crate::{
    abi::interfaces::{IDODownload, IEnumUnknown, IEnumUnknown_Impl},
    enumerators::{Snapshot, enumerator},
};

/// An enumerator of downloads.
#[implement(IEnumUnknown)]
#[derive(Debug)]
pub struct Downloads(Snapshot<Download>);

enumerator!(
    Downloads of Download: IEnumUnknown of IDODownload,
    IEnumUnknown_Impl for Downloads_Impl
    {}
);
