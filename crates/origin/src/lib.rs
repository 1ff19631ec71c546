//! The HTTP source: bytes of a remote file over HTTP/1.1 and HTTPS, with ranges, validators, redirects, proxies
//! and credentials.
//!
//! ```text
//! HttpSource::fetch ─ hop by hop ─┬─ dialogue  proxies in turn, and the answers to challenges (auth)
//!                                 ├─ request   what is asked: Range, If-Range, the caller's fields
//!                                 ├─ pool      a place among the origin's connections, an idle one if there is
//!                                 ├─ connect ─ proxy, tls    otherwise a new one
//!                                 ├─ connection   one exchange over it, driven by whoever waits for it
//!                                 ├─ judge     what the head of the answer means (pure)
//!                                 └─ body      the bytes, held against what the head told (digest)
//! ```
//!
//! Owns sockets, TLS and the reading of HTTP. It says what happened and never decides whether to try again, with
//! one exception: a kept connection that turns out dead before the first byte of an answer is replaced by a fresh
//! one, once. It must never touch a file, and never let a credential into an error, a log or a URL that it hands
//! out. Nothing runs in the background but one timer, and that only while a connection is kept idle.

mod auth;
mod body;
mod bypass;
mod client;
mod connect;
mod connection;
mod date;
mod dialogue;
mod digest;
mod encoding;
mod endpoint;
mod failure;
mod fields;
mod judge;
mod links;
pub mod name;
mod pool;
mod proxy;
mod range;
mod request;
mod source;
mod tls;

pub use client::{Client, Config, SetupError};
pub use source::{HttpSource, RedirectPolicy, Target};
