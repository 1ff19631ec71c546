//! A network that is slow, far and lossy: two network namespaces with a bottleneck between them.
//!
//! Owns both namespaces, the device that each end has, and the thread that carries packets from one to the other at a
//! set rate, after a set delay, through a queue of a set depth, losing what a seed says. The kernel's own netem is not
//! part of every kernel; this needs TUN devices, root and the package iproute2. It must never
//! change anything of the machine's own network: the namespaces have no name and no way out, and the kernel drops them
//! with the last process in them, however this one ends.

mod namespace;
mod pump;
mod queue;
mod tun;

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

pub use namespace::Namespace;
pub use queue::{Counts, Direction};

use pump::Pump;

/// The name of the device at each end.
const DEVICE: &str = "link0";

/// The way a sender finds its speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Congestion {
    /// Slows down at every loss.
    Cubic,
    /// Sends as fast as the path has been seen to deliver.
    Bbr,
}

impl Congestion {
    /// The kernel's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
        }
    }
}

/// Both directions of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// From the server to the client.
    pub down: Direction,
    /// From the client to the server.
    pub up: Direction,
}

impl Shape {
    /// The same rate both ways, half of the round trip each way, a queue that takes one round trip to drain, nothing
    /// lost.
    pub fn symmetric(bits_per_second: u64, round_trip: Duration) -> Self {
        let direction = Direction {
            bits_per_second,
            delay: round_trip / 2,
            depth: round_trip,
            loss: 0.0,
            seed: 0,
        };
        Self {
            down: direction,
            up: direction,
        }
    }

    /// Losing this part of the packets to the client, the same ones for the same seed.
    #[must_use]
    pub fn losing(mut self, part: f64, seed: u64) -> Self {
        self.down.loss = part;
        self.down.seed = seed;
        self
    }
}

/// A link that is up. It is down, and its namespaces are gone, when this is dropped and nothing runs in them.
pub struct Link {
    // The first to go.
    pump: Pump,
    server: Namespace,
    client: Namespace,
}

impl Link {
    /// The server's address.
    pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    /// The client's address.
    pub const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    /// Makes both ends and the way between them. Senders use CUBIC.
    ///
    /// The error is a sentence: that root is needed, or what the kernel refused.
    pub fn start(shape: Shape) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err(
                "only root can make network namespaces and TUN devices; run this as root"
                    .to_owned(),
            );
        }
        let (server, client) = (Namespace::new()?, Namespace::new()?);
        let near = server.run(|| tun::open(DEVICE))??;
        let far = client.run(|| tun::open(DEVICE))??;
        for (end, own) in [(&server, Self::SERVER), (&client, Self::CLIENT)] {
            end.ip(&["link", "set", "lo", "up"])?;
            end.ip(&["address", "add", &format!("{own}/24"), "dev", DEVICE])?;
            // The queue is the link's, not the device's.
            let queue = [
                "link",
                "set",
                DEVICE,
                "mtu",
                "1500",
                "txqueuelen",
                "20000",
                "up",
            ];
            end.ip(&queue)?;
            // What one connection has learnt of the path must not help the next.
            end.set("net/ipv4/tcp_no_metrics_save", "1")?;
        }
        let pump = Pump::start(near, far, shape)?;
        let link = Self {
            pump,
            server,
            client,
        };
        link.congestion(Congestion::Cubic)?;
        Ok(link)
    }

    /// The end where servers run.
    pub fn server(&self) -> &Namespace {
        &self.server
    }

    /// The end where clients run.
    pub fn client(&self) -> &Namespace {
        &self.client
    }

    /// Connections that are made from now on send by this, at both ends.
    pub fn congestion(&self, congestion: Congestion) -> Result<(), String> {
        for (end, other) in [(&self.server, Self::CLIENT), (&self.client, Self::SERVER)] {
            let route = format!("{other}/32");
            end.ip(&[
                "route",
                "replace",
                &route,
                "dev",
                DEVICE,
                "congctl",
                congestion.name(),
            ])?;
        }
        Ok(())
    }

    /// Another shape from now on, its losses from the beginning of their seeds, and its counts from 0. What is on the
    /// way arrives as it would have.
    pub fn reshape(&self, shape: Shape) {
        self.pump.reshape(shape);
    }

    /// What went to the client since the last shape.
    pub fn down(&self) -> Counts {
        self.pump.counts()[0]
    }

    /// What went to the server since then.
    pub fn up(&self) -> Counts {
        self.pump.counts()[1]
    }

    /// Whether the kernel lets the link go before everything else on its processor. Where it does not, a busy machine
    /// makes it slower than it is set.
    pub fn is_prompt(&self) -> bool {
        self.pump.is_prompt()
    }
}

impl Namespace {
    /// Runs `ip` here.
    fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        let output = self
            .run(|| Command::new("/usr/sbin/ip").args(arguments).output())?
            .map_err(|e| format!("the package iproute2 is needed: ip cannot be run: {e}"))?;
        if output.status.success() {
            Ok(())
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("ip {}: {}", arguments.join(" "), said.trim()))
        }
    }

    /// Sets a variable of this namespace below /proc/sys.
    fn set(&self, name: &str, value: &str) -> Result<(), String> {
        self.run(|| std::fs::write(format!("/proc/sys/{name}"), value))?
            .map_err(|e| format!("{name} cannot be set: {e}"))
    }
}
