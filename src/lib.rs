//! bgcopy: a background copy service. Hand it files to fetch, go away, find them whole.
//!
//! This package is the program, `bgcopy`; as a library it is the client's: everything of [`bgcopy_client`], under the
//! name that an application depends on.
//!
//! With the feature `embedded` the service can also live within the program itself: `Embedded`.

#[cfg(feature = "embedded")]
mod embedded;

pub use bgcopy_client::*;
#[cfg(feature = "embedded")]
pub use embedded::{EmbedError, Embedded, EmbeddedManager, InProcess, Settings};

/// The README's program, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
