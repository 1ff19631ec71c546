//! A TUN device: a network device whose packets a program reads and writes.
//!
//! Owns the one call for it that no library of this project wraps, and with it the only `unsafe` block of this crate
//! (`docs/decisions/0012-a-tun-device.md`).

use std::ffi::c_int;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::OFlags;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `TUNSETIFF` of `linux/if_tun.h`: `_IOW('T', 202, int)`, although its argument is a `struct ifreq`.
const TUNSETIFF: Opcode = opcode::write::<c_int>(b'T', 202);

/// `IFF_TUN | IFF_NO_PI`: packets of IP, and nothing before them.
const FLAGS: u16 = 0x0001 | 0x1000;

/// `struct ifreq` of `linux/if.h`, of which this call reads and writes the name and the flags.
#[repr(C, align(8))]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const _: () = assert!(size_of::<InterfaceRequest>() == 40);

/// Makes the device in the calling thread's network namespace. It is gone when the file is closed. A read that finds
/// no packet says so instead of waiting.
pub(super) fn open(device: &str) -> Result<File, String> {
    let file = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open("/dev/net/tun")
        .map_err(|e| format!("/dev/net/tun cannot be opened: {e}"))?;
    let mut request = InterfaceRequest {
        name: [0; 16],
        flags: FLAGS,
        rest: [0; 22],
    };
    // One byte stays 0, the name's end.
    for (place, byte) in request.name[..15].iter_mut().zip(device.bytes()) {
        *place = byte;
    }
    // SAFETY: TUNSETIFF takes a pointer to a `struct ifreq`, whose size and layout `InterfaceRequest` has; it reads it,
    // writes the device's name back into it, and keeps no pointer.
    let made = unsafe {
        ioctl(
            &file,
            Updater::<TUNSETIFF, InterfaceRequest>::new(&mut request),
        )
    };
    made.map_err(|e| format!("a TUN device cannot be made: {e}"))?;
    Ok(file)
}
