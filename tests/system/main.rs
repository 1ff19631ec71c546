//! The service of the whole machine and the one on a session bus, as real processes: a private bus with the policy of
//! dist/dbus, the daemon as root, and callers that are other users to the kernel.
//!
//! What the service answers is asked for with a D-Bus client of the tests' own (`wire`, `peer`), which shares no code
//! with the service and, unlike a library, sends whatever it is told. Most of this needs root, which is what CI runs
//! as. For an ordinary user each such test says so by name, and asserts the one thing that then is true: `--system`
//! refuses to start and says why.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests look at files behind the service's back"
)]

mod contract;
mod downloads;
mod files;
mod links;
mod machine;
mod modes;
mod peer;
mod polkit;
mod rights;
mod signals;
mod takeover;
mod visibility;
mod wire;
