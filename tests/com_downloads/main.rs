//! Downloads as a program sees them that was written against the Windows headers: by the vtables of `libdosvc`, against a
//! real service (docs/com.md, «Delivery Optimization»).

#[path = "../support/mod.rs"]
mod support;

mod callbacks;
mod client;
mod enumerators;
mod files;
mod properties;
mod states;
