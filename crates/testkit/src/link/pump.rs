//! The thread that carries packets between the two devices.
//!
//! Owns the devices, and both queues behind a lock that it never holds while it waits. It sleeps until a packet comes or
//! is due: a link that nobody uses wakes nobody up.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Shape;
use super::queue::{Counts, Queue};

/// Packets that are read from one device before the other has its turn.
const BATCH: usize = 64;

/// Above everything that does not ask for more; the prototype of this and `chrt`'s manual use such middling values.
const PRIORITY: &str = "40";

/// The running thread. It ends when this is dropped.
pub(super) struct Pump {
    /// From the server's device, and from the client's.
    queues: Arc<Mutex<[Queue; 2]>>,
    /// Closed to end the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    prompt: bool,
}

impl Pump {
    pub(super) fn start(near: File, far: File, shape: Shape) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("the link's thread cannot be started: {e}");
        let queues = Arc::new(Mutex::new([Queue::new(shape.down), Queue::new(shape.up)]));
        let (stop, stopped) = UnixStream::pair().map_err(failed)?;
        let (tell, told) = mpsc::channel();
        let shared = Arc::clone(&queues);
        let work = move || {
            let _ = tell.send(rustix::thread::gettid());
            carry(&[near, far], &shared, &stopped);
        };
        let thread = std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(work)
            .map_err(failed)?;
        let id = told.recv().map_err(|e| e.to_string())?;
        // chrt is in util-linux, an essential package.
        let prompt = Command::new("chrt")
            .args(["--fifo", "--pid", PRIORITY])
            .arg(id.as_raw_nonzero().to_string())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        Ok(Self {
            queues,
            stop: Some(stop),
            thread: Some(thread),
            prompt,
        })
    }

    pub(super) fn reshape(&self, shape: Shape) {
        let [down, up] = &mut *locked(&self.queues);
        down.reshape(shape.down);
        up.reshape(shape.up);
    }

    pub(super) fn counts(&self) -> [Counts; 2] {
        locked(&self.queues).each_ref().map(Queue::counts)
    }

    pub(super) fn is_prompt(&self) -> bool {
        self.prompt
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn locked(queues: &Mutex<[Queue; 2]>) -> MutexGuard<'_, [Queue; 2]> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries packets until the other end of `stopped` is closed.
fn carry(devices: &[File; 2], queues: &Mutex<[Queue; 2]>, stopped: &UnixStream) {
    let begun = Instant::now();
    loop {
        let next = deliver(devices, queues, begun);
        let wait = next.map(|due| due.saturating_sub(begun.elapsed()));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut ready = [
            PollFd::new(&devices[0], PollFlags::IN),
            PollFd::new(&devices[1], PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut ready, wait.as_ref()) {
            // Interrupted; any other error cannot come from valid descriptors.
            Ok(0) | Err(_) => continue,
            Ok(_) => {}
        }
        if !ready[2].revents().is_empty() {
            return;
        }
        let waiting = [0, 1].map(|side| !ready[side].revents().is_empty());
        for side in [0, 1] {
            if waiting[side] {
                take(&devices[side], side, queues, begun);
            }
        }
    }
}

/// Writes what has arrived, and says when the next packet does.
fn deliver(devices: &[File; 2], queues: &Mutex<[Queue; 2]>, begun: Instant) -> Option<Duration> {
    let mut queues = locked(queues);
    let mut next = None;
    for (side, queue) in queues.iter_mut().enumerate() {
        while let Some(packet) = queue.arrived(begun.elapsed()) {
            // A device that is going down takes nothing more, which is what happens to packets.
            let _ = (&devices[1 - side]).write(&packet);
        }
        next = [next, queue.next_arrival()].into_iter().flatten().min();
    }
    next
}

/// Reads packets of one device into its queue.
fn take(mut device: &File, side: usize, queues: &Mutex<[Queue; 2]>, begun: Instant) {
    // More than the 1500 bytes of the device's longest packet.
    let mut packet = [0; 2_048];
    let mut queues = locked(queues);
    for _ in 0..BATCH {
        // An error is the end of what is there.
        let Ok(length) = device.read(&mut packet) else {
            return;
        };
        let packet = &packet[..length];
        // A device asks for IPv6 neighbours as soon as it is up; this is a link for IPv4.
        if packet.first().is_some_and(|first| first >> 4 == 4) {
            queues[side].offer(packet, begun.elapsed());
        }
    }
}
