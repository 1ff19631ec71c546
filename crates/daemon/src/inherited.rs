//! What a process has from the one that started it, and a service is to have nothing to do with: descriptors, and a low
//! limit on how many it may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Closes everything above standard error. A shell leaves its locks and pipes open in what it runs: a service that
/// keeps them holds the lock, and the pipe's reader, for as long as it lives.
///
/// Called first thing in the process, when it has opened nothing itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's list of this process's own descriptors"
)]
pub(crate) fn close_descriptors() {
    let Ok(listed) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    // Collected first, so that the list's own descriptor is closed before the others are.
    let numbers: Vec<i32> = listed
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in numbers {
        // SAFETY: nothing in this process owns a descriptor above 2 yet (see above), so that none can be used after
        // this or be closed a second time. A number that is not open is an error that changes nothing.
        unsafe { rustix::io::close(number) };
    }
}

/// Raises the limit on open descriptors to the highest that is allowed: each client has two, each transfer two.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let highest = limit.maximum;
    let raised = Rlimit {
        current: highest,
        maximum: highest,
    };
    if limit.current != highest
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(
            "the limit on open files stays at {:?}: {error}",
            limit.current
        );
    }
}
