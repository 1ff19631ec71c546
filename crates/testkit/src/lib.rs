//! Faulty origin, real servers and fault injection for the tests of bgcopy.
//!
//! This crate is a dev-dependency only: it never ships, and nothing outside a test may name it. It owns the
//! misbehaving half of the world that the service has to survive. What it must never do is depend on the code
//! under test: an oracle that shares a bug with its subject proves nothing.
//!
//! | module | what it is |
//! |---|---|
//! | [`faulty`] | an HTTP origin and a proxy over real sockets that misbehave as scripted |
//! | [`servers`] | nginx, Apache, lighttpd, Caddy and Python's `http.server`, started from Debian's packages |
//! | [`power`] | a power cut and failing system calls for a real process |
//! | [`link`] | a slow, far and lossy network between two namespaces, with a bottleneck of its own |
//! | [`process`] | a process under test, its home, how it is heard and how it ends |
//! | [`fs`] | hashes of files, free ports, a file system that is soon full |
//! | [`TestCa`] | the certificate authority that all TLS servers here share |
//!
//! A helper that a test calls for its effect panics when the test cannot go on, with a sentence that says why;
//! one whose failure a test may want to look at returns a `Result`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests make, spoil and inspect files of their own, never a caller's"
)]

pub mod faulty;
pub mod fs;
pub mod link;
pub mod power;
pub mod process;
pub mod servers;

mod ca;
mod hex;

pub use ca::{Identity, TestCa};

/// The Debian packages that the tests of this crate and its users need, beside essential ones.
pub const PACKAGES: &[&str] = &[
    "apache2-bin",
    "caddy",
    "curl",
    "gcc",
    "iproute2",
    "libc6-dev",
    "lighttpd",
    "lighttpd-mod-openssl",
    "nginx",
    "python3",
];
