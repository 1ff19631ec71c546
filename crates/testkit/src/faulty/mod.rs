//! An HTTP origin over real TCP sockets that misbehaves as scripted, and a proxy that does not.
//!
//! ```text
//! Resource (content, validators, script) ─┐
//! request ── request::read ───────────────┴─ plan (pure: what is said) ── wire (when and how it leaves) ── socket
//!                                                 │                            │
//!                                              Fault                 Gate (hold, release, pace)
//! ```
//!
//! It is written straight onto the socket, without an HTTP library: a library would refuse to misbehave. Without a
//! fault it is a correct origin for GET and HEAD: Range, If-Range with strong comparison, keep-alive, Accept-Ranges
//! (RFC 9110 and RFC 9112). It must never share code with the client under test.
//!
//! ```
//! use bgcopy_testkit::faulty::{Cut, Fault, Origin, Resource};
//!
//! let origin = Origin::start();
//! let url = origin.serve(
//!     "/file",
//!     Resource::pattern(1, 1 << 20).on_request(1, Fault::CutAfter(1000, Cut::Reset)),
//! );
//! # let _ = url;
//! ```

mod body;
mod conn;
mod date;
mod digest;
mod fault;
mod gate;
mod gzip;
mod head;
mod integrity;
mod origin;
mod plan;
mod proxy;
mod range;
mod record;
mod request;
mod resource;
mod server;
mod wire;

pub use body::Body;
pub use date::http_date;
pub use fault::{Cut, Digest, Fault, RetryAfter, Version};
pub use origin::Origin;
pub use proxy::Proxy;
pub use record::{Ended, Seen};
pub use resource::{LAST_MODIFIED, Resource};
