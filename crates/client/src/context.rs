//! What a job takes over from the process that makes it: the umask and the proxy variables.
//!
//! Reads the process' surroundings once a job. Must never interpret them: the service does.

#![expect(
    clippy::disallowed_methods,
    reason = "the kernel's account of this process, not a caller's file"
)]

use std::{env, fs};

use bgcopy_bus::Variables;

/// The variables that name proxies. `HTTP_PROXY` is not among them: a CGI request can set it.
const PROXY_VARIABLES: [&str; 7] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// The proxy variables of this process that are set, and are text.
pub(crate) fn proxy_variables() -> Variables {
    PROXY_VARIABLES
        .into_iter()
        .filter_map(|name| Some((name, env::var(name).ok()?)))
        .collect()
}

/// This process' umask, `None` where the kernel does not tell it (before Linux 4.7, or without /proc).
///
/// umask(2) can only be read by changing it, which would race with every thread that makes a file.
pub(crate) fn umask() -> Option<u32> {
    umask_in(&fs::read_to_string("/proc/self/status").ok()?)
}

fn umask_in(status: &str) -> Option<u32> {
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(value.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_umask_is_read_as_an_octal_number() {
        assert_eq!(umask_in("Name:\tx\nUmask:\t0027\nState:\tR\n"), Some(0o027));
        assert_eq!(umask_in("Name:\tUmask: 1\n"), None);
    }

    #[test]
    fn the_kernel_tells_this_process_umask() {
        assert!(umask().is_some_and(|umask| umask <= 0o777));
    }
}
