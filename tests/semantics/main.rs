//! docs/semantics.md, number by number: a module a section, in the document's order, and a test for each sentence,
//! `s<section>_<number>_<what holds>`. Each runs the real service as a process of its own.
//!
//! How to add one: the sentence with its number in docs/semantics.md, its test in the module of its section behind that
//! of the number before; a new section is a new module here. `tests/readme.rs` holds the two to each other. What a
//! sentence's number cannot show in seconds or on one machine is held beside this by tests that the table at the
//! document's end lists. What needs a feature of the package, or two users and a bus, is in `tests/embedded.rs` and
//! `tests/system`, under such names too.
//!
//! Kills and power failures at every point of the crash protocol run long and have a harness of their own: they stay in
//! `tests/crash.rs` and `tests/power.rs` (`cargo xtask crash` runs more of them), and `survival` has a short test of
//! each number that they hold. Hours and days pass in a time namespace (`support::elsewhen`), not on a fake clock.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests look at files behind the service's back"
)]

mod bytes;
mod callbacks;
mod commands;
mod digests;
mod downloads;
mod fetch;
mod here;
mod jobs;
mod lanes;
mod mirrors;
mod origins;
mod places;
mod requests;
mod sinks;
mod streams;
mod survival;
mod work;

// Users other than the tester's, for 5.7.
#[allow(dead_code, reason = "one test needs a part of it")]
#[path = "../system/machine.rs"]
mod machine;
#[allow(dead_code, reason = "one test needs a part of it")]
#[path = "../system/peer.rs"]
mod peer;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "one test needs a part of it")]
#[path = "../system/wire.rs"]
mod wire;
