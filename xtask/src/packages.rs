//! The Debian packages that the tests and the benchmark need, and their installation.
//!
//! Owns the only lists of those packages. Must never change anything as an ordinary user: then the one command to type is printed instead.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::cargo;

/// A package that some test needs.
#[derive(Debug)]
struct Package {
    name: &'static str,
    /// What the tests take from it.
    reason: &'static str,
    /// The unit that would start it as a server of the whole machine, which no test wants.
    unit: Option<&'static str>,
}

/// Every package that a test names, in Debian 12's names. Programs of essential packages (coreutils, util-linux) are not listed.
const PACKAGES: &[Package] = &[
    Package {
        name: "nginx-light",
        reason: "origin server, plain and TLS",
        unit: Some("nginx.service"),
    },
    Package {
        name: "apache2-bin",
        reason: "origin server, plain and TLS (without the service of the package apache2)",
        unit: None,
    },
    Package {
        name: "lighttpd",
        reason: "origin server, plain and TLS",
        unit: Some("lighttpd.service"),
    },
    Package {
        name: "lighttpd-mod-openssl",
        reason: "TLS for lighttpd, which only recommends it",
        unit: None,
    },
    Package {
        name: "caddy",
        reason: "origin server, plain and TLS",
        unit: Some("caddy.service"),
    },
    Package {
        name: "python3",
        reason: "origin server without ranges: http.server",
        unit: None,
    },
    Package {
        name: "python3-venv",
        reason: "the virtual environment of the Python client's test",
        unit: None,
    },
    Package {
        name: "libsystemd-dev",
        reason: "sd-bus, for the C client's test",
        unit: None,
    },
    Package {
        name: "pkg-config",
        reason: "where sd-bus is, for the same",
        unit: None,
    },
    Package {
        name: "libc6-dev",
        reason: "headers of the C library, for C programs of tests",
        unit: None,
    },
    Package {
        name: "g++",
        reason: "C++ programs that use the C library",
        unit: None,
    },
    Package {
        name: "clang",
        reason: "the same programs by a second compiler",
        unit: None,
    },
    Package {
        name: "make",
        reason: "builds them",
        unit: None,
    },
    Package {
        name: "libwine-dev",
        reason: "Windows headers that are not ours, for a program with the C library",
        unit: None,
    },
    Package {
        name: "valgrind",
        reason: "memcheck and helgrind over the same programs",
        unit: None,
    },
    Package {
        name: "curl",
        reason: "an HTTP client that is not ours, to test the testkit itself",
        unit: None,
    },
    Package {
        name: "mount",
        reason: "small file systems that fill up (as root)",
        unit: None,
    },
    Package {
        name: "dbus",
        reason: "dbus-daemon: private buses, and the check of the bus policy",
        unit: None,
    },
    Package {
        name: "polkitd",
        reason: "the real authority on a private bus (as root), and the DTD of its policy files",
        unit: Some("polkit.service"),
    },
    Package {
        name: "systemd",
        reason: "systemd-analyze: the checks of the units; busctl: a client that is not ours",
        unit: None,
    },
    Package {
        name: "libglib2.0-bin",
        reason: "gdbus: a second client that is not ours",
        unit: None,
    },
    Package {
        name: "iproute2",
        reason: "ip, ss: network namespaces and a look at sockets",
        unit: None,
    },
    Package {
        name: "libxml2-utils",
        reason: "xmllint: introspection XML and bus policy are well-formed",
        unit: None,
    },
];

/// What `cargo xtask bench` takes of [`PACKAGES`].
const OF_BENCH: &[&str] = &["nginx-light", "curl", "iproute2"];

/// What `cargo xtask bench` needs beside them.
const BENCH_ONLY: &[Package] = &[
    Package {
        name: "wget2",
        reason: "a rival",
        unit: None,
    },
    Package {
        name: "aria2",
        reason: "a rival",
        unit: None,
    },
];

/// Keeps the maintainer scripts from starting services: `invoke-rc.d` sees the single-user runlevel, `systemctl` a system that is
/// not running. Both are variables of this one call; nothing of the machine's own policy is touched.
const NO_SERVICES: [(&str, &str); 2] = [("RUNLEVEL", "1"), ("SYSTEMD_OFFLINE", "1")];

/// Makes sure that every package that the tests need is installed; see [`ensure_all`].
pub fn ensure() -> anyhow::Result<()> {
    ensure_all("the tests need", &PACKAGES.iter().collect::<Vec<_>>())
}

/// The same for the benchmark.
pub fn ensure_for_bench() -> anyhow::Result<()> {
    let shared = PACKAGES
        .iter()
        .filter(|package| OF_BENCH.contains(&package.name));
    let needed: Vec<_> = shared.chain(BENCH_ONLY).collect();
    ensure_all("the benchmark needs", &needed)
}

/// Makes sure that these packages are installed; installs the missing ones when root.
///
/// Fails when a package is missing and this process may not install it: the message is the command that will.
fn ensure_all(who_needs: &str, needed: &[&'static Package]) -> anyhow::Result<()> {
    let missing = missing(needed, &installed(needed)?);
    if missing.is_empty() {
        println!(
            "Packages: all {} that {who_needs} are installed.",
            needed.len()
        );
        return Ok(());
    }
    println!("Packages: {} missing:", missing.len());
    for package in &missing {
        println!("  {:<16} {}", package.name, package.reason);
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    if !rustix::process::geteuid().is_root() {
        bail!(
            "{who_needs} Debian packages that are not installed. Type:\n  {}",
            install_line(&names)
        );
    }
    // A server that this machine already runs on purpose stays as it is.
    let new_units: Vec<_> = missing
        .iter()
        .filter_map(|package| package.unit)
        .filter(|unit| !is_enabled(unit))
        .collect();
    cargo::run(apt_get().arg("update"))?;
    cargo::run(
        apt_get()
            .args(["install", "-y", "--no-install-recommends"])
            .args(&names),
    )?;
    for unit in new_units {
        // The package enables its server for the next boot. A machine that only runs tests must not become a web server.
        cargo::run(Command::new("systemctl").args(["disable", "--quiet", unit]))?;
    }
    Ok(())
}

/// Whether the next boot starts `unit`; without systemd, nothing does.
fn is_enabled(unit: &str) -> bool {
    Command::new("systemctl")
        .args(["is-enabled", "--quiet", unit])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        // Another installation may be under way, such as unattended-upgrades on a machine that has just booted.
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .envs(NO_SERVICES);
    command
}

/// The one line that installs `names` without starting a server.
fn install_line(names: &[&str]) -> String {
    let environment = NO_SERVICES
        .map(|(name, value)| format!("{name}={value}"))
        .join(" ");
    format!(
        "sudo {environment} apt-get install --no-install-recommends {}",
        names.join(" ")
    )
}

/// Those of these packages that `dpkg` knows as installed.
fn installed(packages: &[&Package]) -> anyhow::Result<Vec<String>> {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status} ${Package}\\n"])
        .args(packages.iter().map(|package| package.name))
        .output()
        .context(
            "cannot run dpkg-query. On a system other than Debian, install the programs named in xtask/src/packages.rs \
             and run `cargo xtask test --no-install`",
        )?;
    // Exit status 1 says that some package is unknown, which is an answer and no failure.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!(
            "dpkg-query failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(parse_installed(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads lines `STATUS NAME`. A package that was removed but not purged is listed with another status than `installed`.
fn parse_installed(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .map(str::to_owned)
        .collect()
}

fn missing(needed: &[&'static Package], installed: &[String]) -> Vec<&'static Package> {
    needed
        .iter()
        .copied()
        .filter(|package| !installed.iter().any(|name| name == package.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{BENCH_ONLY, OF_BENCH, PACKAGES, Package, install_line, missing, parse_installed};

    fn all() -> Vec<&'static Package> {
        PACKAGES.iter().collect()
    }

    #[test]
    fn a_removed_package_counts_as_missing() {
        let every_one_but_caddy = PACKAGES
            .iter()
            .map(|package| match package.name {
                "caddy" => "config-files caddy\n".to_owned(),
                name => format!("installed {name}\n"),
            })
            .collect::<String>();
        let missing: Vec<_> = missing(&all(), &parse_installed(&every_one_but_caddy))
            .iter()
            .map(|package| package.name)
            .collect();
        assert_eq!(missing, ["caddy"]);
    }

    #[test]
    fn a_package_of_several_architectures_is_installed_once() {
        let installed = parse_installed("installed dbus\ninstalled dbus\nnot-installed lighttpd\n");
        assert_eq!(installed, ["dbus", "dbus"]);
        assert!(
            !missing(&all(), &installed)
                .iter()
                .any(|package| package.name == "dbus")
        );
    }

    #[test]
    fn a_user_is_told_one_line_that_starts_no_server() {
        assert_eq!(
            install_line(&["caddy", "dbus"]),
            "sudo RUNLEVEL=1 SYSTEMD_OFFLINE=1 apt-get install --no-install-recommends caddy dbus"
        );
    }

    #[test]
    fn what_the_benchmark_takes_of_the_list_is_there() {
        for name in OF_BENCH {
            assert!(
                PACKAGES.iter().any(|package| package.name == *name),
                "{name}"
            );
        }
    }

    #[test]
    fn every_package_is_listed_once_and_says_why() {
        let packages: Vec<_> = PACKAGES.iter().chain(BENCH_ONLY).collect();
        for (index, package) in packages.iter().enumerate() {
            assert!(!package.reason.is_empty(), "{} has no reason", package.name);
            assert!(
                packages[..index]
                    .iter()
                    .all(|other| other.name != package.name),
                "{} is listed twice",
                package.name
            );
        }
    }
}
