//! bgcopy: a background copy service. Hand it files to fetch, go away, find them whole.
//!
//! This package is the program, `bgcopy`; as a library it is the client's: everything of [`bgcopy_client`], under the
//! name that an application depends on.

pub use bgcopy_client::*;

/// The README's program, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
