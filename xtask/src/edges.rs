//! Which crate of the workspace may depend on which: the table, and nothing else.
//!
//! Owns the list that [`crate::check_deps`] asserts and that ARCHITECTURE.md shows in its section "Crates and edges".
//! An edge is added here, there and in the crate's manifest in one commit, with the reason in its message.

/// One row: a package of the workspace, and the packages of the workspace that it depends on outside its tests.
///
/// Names are those of the folders; `bgcopy` is the root package. The list is exact: an edge that is no longer used is removed.
pub const EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("engine", &["model"]),
    ("transfer", &["model"]),
    ("origin", &["transfer", "model"]),
    ("disk", &["model"]),
    ("store", &["model"]),
    ("bus", &["model"]),
    (
        "daemon",
        &[
            "model", "engine", "transfer", "origin", "disk", "store", "bus",
        ],
    ),
    ("client", &["bus", "model"]),
    ("cli", &["client"]),
    ("com", &["client", "model"]),
    ("bgcopy", &["cli", "daemon", "client"]),
    ("testkit", &[]),
    ("xtask", &[]),
];

/// The crate that any other may use in its tests, and none outside them.
pub const TEST_ONLY: &str = "testkit";

/// Edges that only the tests of the first have: it runs what the second is built to.
///
/// The C library is built for no Rust program; as a dependency of the tests that link it, cargo has it built when they run.
pub const TEST_EDGES: &[(&str, &str)] = &[("bgcopy", "com")];

/// Crates that only compute: no runtime, network, files, clock or randomness may reach them.
pub const PURE: &[&str] = &["model", "engine"];

/// Packages that bring what a pure crate must not have.
pub const IMPURE: &[&str] = &[
    "fastrand",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "rand_core",
    "rusqlite",
    "socket2",
    "tempfile",
    "tokio",
    "zbus",
];

/// The one way by which an impure package may come: cargo builds one `uuid` for the whole workspace, and zbus asks it for random ids.
/// The pure crates themselves must not ask: see [`RANDOM_FEATURES`].
pub const TOLERATED: (&str, &str) = ("uuid", "getrandom");

/// The features of `uuid` that draw random ids. A pure crate that declares one could make ids, which come with the event instead.
pub const RANDOM_FEATURES: &[&str] = &["fast-rng", "rng", "rng-getrandom", "rng-rand", "v4", "v7"];
