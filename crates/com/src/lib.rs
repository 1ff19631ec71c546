//! The service for programs written in C and C++ against the Windows headers of BITS and Delivery Optimization.
//!
//! `libdosvc.so` is an ordinary client of the service: every object here stands for one of `bgcopy-client`'s, and what
//! the contract says about it is the service's word. Owns the ABI: vtables, structures, memory that is handed out, and
//! the threads on which callbacks arrive. Must never keep state of a job or a download of its own, and never let a
//! panic reach the caller.

#![allow(
    clippy::inline_always,
    clippy::ref_as_ptr,
    reason = "so writes the macro that makes the vtables"
)]

pub mod abi;
mod callbacks;
mod codes;
mod delivery;
mod enumerators;
mod error;
pub mod exports;
mod fault;
mod file;
mod held;
mod job;
mod manager;
pub mod memory;
mod place;
mod ranges;
pub mod safe_array;
mod service;
mod text;
pub mod variant;
mod words;
