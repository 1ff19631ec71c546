//! The bgcopy service: joins the engine with the store, the disk, the sources and the bus.
//!
//! [`run`] is the whole of it, [`Embedded`] the same within the caller's process. The parts are [`driver`] (the one task that decides and carries out), [`dbus`] (who is
//! calling, may they, what do they want), [`clock`], [`config`] and [`instance`] (one service a user).

mod activation;
mod authz;
pub mod clock;
pub mod config;
pub mod crash;
mod dbus;
mod driver;
mod embed;
mod inherited;
mod instance;
mod log;
mod memory;
mod places;
mod readiness;
mod redact;
mod run;
mod runtimes;

pub use activation::activate;
pub use embed::{EmbedError, Embedded, Settings};
pub use places::{Mode, Options};
pub use run::run;
