//! Downloads as a program sees them that was written against the Windows headers: by the vtables of `libdosvc`, against a
//! real service (docs/com.md, «Delivery Optimization»).

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]
#![allow(
    clippy::inline_always,
    clippy::ref_as_ptr,
    reason = "so writes the macro that makes the vtables"
)]

#[path = "../support/mod.rs"]
mod support;

mod callbacks;
mod client;
mod enumerators;
mod files;
mod properties;
mod states;
mod streams;
