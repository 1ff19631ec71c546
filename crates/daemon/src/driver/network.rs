//! Notices that the network changed, by the kernel's own word (rtnetlink).
//!
//! What changed is not read: an address or a route that comes or goes is reason enough to try again what failed for
//! want of one. Nothing here polls.

use std::{io, time::Duration};

use bgcopy_engine::Event;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink, socket_with,
};
use tokio::{net::unix::pipe::Receiver, sync::mpsc};

use super::Message;

/// `RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE`
/// (linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// A change comes as a burst of messages: it counts once the burst is over.
const BURST: Duration = Duration::from_millis(500);

/// Time between two notices: an interface that flaps is no reason to try without end.
const BETWEEN: Duration = Duration::from_secs(5);

/// Tells the driver of changes for as long as it lives. A machine that refuses the socket is served without: its
/// jobs are tried again when their time comes.
pub(super) fn watch(messages: mpsc::UnboundedSender<Message>) {
    let socket = match open() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!("changes of the network are not noticed: {error}");
            return;
        }
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = messages.closed() => return,
                changed = drain(&socket) => if let Err(error) = changed {
                    tracing::warn!("changes of the network are no longer noticed: {error}");
                    return;
                },
            }
            tokio::time::sleep(BURST).await;
            if messages
                .send(Message::Event(Event::NetworkChanged))
                .is_err()
            {
                return;
            }
            // What changes meanwhile waits in the socket.
            tokio::time::sleep(BETWEEN).await;
        }
    });
}

fn open() -> io::Result<Receiver> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // No protocol is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    // Any descriptor that can be read will do (see `BootTimer`).
    Receiver::from_owned_fd_unchecked(socket)
}

/// Waits for messages and throws away all that are there.
async fn drain(socket: &Receiver) -> io::Result<()> {
    /// There were more messages than the kernel kept (netlink(7)): that is a change too.
    const NO_BUFFER_SPACE: i32 = rustix::io::Errno::NOBUFS.raw_os_error();

    socket.readable().await?;
    let mut buffer = [0; 8_192];
    loop {
        match socket.try_read(&mut buffer) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.raw_os_error() == Some(NO_BUFFER_SPACE) => {}
            Err(error) => return Err(error),
        }
    }
}
