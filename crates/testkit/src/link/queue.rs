//! One direction of a link: which packets it takes, and when each comes out.
//!
//! Pure: the time is an argument, and what is lost is a matter of the seed. A packet waits its turn in a queue of first
//! in, first out, is sent at the rate, and arrives after the delay; one that finds the queue full is dropped.

use std::collections::VecDeque;
use std::time::Duration;

use crate::power::rng::Rng;

/// How one direction behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// Bits of IP packets a second.
    pub bits_per_second: u64,
    /// From being sent to arriving.
    pub delay: Duration,
    /// The queue is full when it takes longer than this to drain.
    pub depth: Duration,
    /// Which part of the packets is lost, by chance: 0.005 is one of 200.
    pub loss: f64,
    /// The chance: the same seed loses the same packets by their number.
    pub seed: u64,
}

/// What became of packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were handed to the link.
    pub offered: u64,
    /// Those that were lost by chance.
    pub lost: u64,
    /// Those that found the queue full.
    pub dropped: u64,
    /// Those that came out.
    pub delivered: u64,
    /// The bytes of those, IP headers included.
    pub bytes: u64,
}

#[derive(Debug)]
struct Packet {
    due: Duration,
    bytes: Box<[u8]>,
}

/// The packets on the way in one direction.
#[derive(Debug)]
pub(super) struct Queue {
    direction: Direction,
    rng: Rng,
    /// When the last packet that was taken has been sent; until then the next one waits.
    free_at: Duration,
    packets: VecDeque<Packet>,
    counts: Counts,
}

impl Queue {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            rng: Rng::new(direction.seed),
            free_at: Duration::ZERO,
            packets: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Behaves so from the next packet on; the chance and the counts begin anew.
    pub(super) fn reshape(&mut self, direction: Direction) {
        self.direction = direction;
        self.rng = Rng::new(direction.seed);
        self.counts = Counts::default();
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Hands a packet over. It is on its way, or gone.
    pub(super) fn offer(&mut self, packet: &[u8], now: Duration) {
        self.counts.offered += 1;
        if self.is_unlucky() {
            self.counts.lost += 1;
            return;
        }
        let begins = self.free_at.max(now);
        if begins.saturating_sub(now) > self.direction.depth {
            self.counts.dropped += 1;
            return;
        }
        self.free_at = begins + self.takes(packet.len());
        // A shorter delay than before overtakes nothing.
        let due = self.free_at + self.direction.delay;
        let due = self.packets.back().map_or(due, |last| due.max(last.due));
        self.packets.push_back(Packet {
            due,
            bytes: packet.into(),
        });
    }

    /// The next packet that has arrived by now.
    pub(super) fn arrived(&mut self, now: Duration) -> Option<Box<[u8]>> {
        let packet = self.packets.pop_front_if(|packet| packet.due <= now)?;
        self.counts.delivered += 1;
        self.counts.bytes += packet.bytes.len() as u64;
        Some(packet.bytes)
    }

    /// When the next packet arrives.
    pub(super) fn next_arrival(&self) -> Option<Duration> {
        self.packets.front().map(|packet| packet.due)
    }

    /// One number is drawn for each packet, also where nothing is lost, so that a packet's luck depends on its own
    /// number alone.
    fn is_unlucky(&mut self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let drawn = (self.rng.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.direction.loss
    }

    fn takes(&self, bytes: usize) -> Duration {
        let nanoseconds = bytes as u64 * 8 * 1_000_000_000 / self.direction.bits_per_second.max(1);
        Duration::from_nanos(nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Direction, Queue};

    const PACKET: [u8; 1_500] = [7; 1_500];

    /// 1 ms a packet of 1500 bytes, 20 ms on the way, room for 10 ms.
    const DIRECTION: Direction = Direction {
        bits_per_second: 12_000_000,
        delay: Duration::from_millis(20),
        depth: Duration::from_millis(10),
        loss: 0.0,
        seed: 1,
    };

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn packets_come_out_in_order_at_the_rate_after_the_delay() {
        let mut queue = Queue::new(DIRECTION);
        queue.offer(&[1; 1_500], ms(100));
        queue.offer(&[2; 1_500], ms(100));
        assert_eq!(queue.next_arrival(), Some(ms(121)));
        assert_eq!(queue.arrived(ms(120)), None);
        assert_eq!(queue.arrived(ms(122)).as_deref(), Some(&[1; 1_500][..]));
        assert_eq!(queue.arrived(ms(122)).as_deref(), Some(&[2; 1_500][..]));
        assert_eq!(queue.arrived(ms(999)), None);
        assert_eq!((queue.counts().delivered, queue.counts().bytes), (2, 3_000));
    }

    #[test]
    fn a_queue_that_is_full_drops_what_comes_and_takes_more_when_it_has_drained() {
        let mut queue = Queue::new(DIRECTION);
        for _ in 0..20 {
            queue.offer(&PACKET, ms(100));
        }
        // One is being sent, ten wait.
        assert_eq!(queue.counts().dropped, 9);
        queue.offer(&PACKET, ms(102));
        assert_eq!(queue.counts().dropped, 9);
    }

    #[test]
    fn the_same_seed_loses_the_same_packets_and_another_one_others() {
        let lost = |seed, loss| {
            let mut queue = Queue::new(Direction {
                seed,
                loss,
                depth: Duration::MAX,
                ..DIRECTION
            });
            let mut lost = Vec::new();
            for number in 0..10_000 {
                let before = queue.counts().lost;
                queue.offer(&[0; 20], ms(0));
                if queue.counts().lost > before {
                    lost.push(number);
                }
            }
            lost
        };
        assert_eq!(lost(1, 0.005), lost(1, 0.005));
        assert_ne!(lost(1, 0.005), lost(2, 0.005));
        // Of 10 000: 50 are expected, with a deviation of 7.
        assert!((20..90).contains(&lost(1, 0.005).len()));
        assert!(lost(1, 0.0).is_empty());
        // Who is lost at a small chance is lost at a larger one.
        let many = lost(1, 0.1);
        assert!(lost(1, 0.005).iter().all(|number| many.contains(number)));
    }

    #[test]
    fn a_shorter_delay_overtakes_nothing() {
        let mut queue = Queue::new(DIRECTION);
        queue.offer(&[1; 1_500], ms(0));
        queue.reshape(Direction {
            delay: Duration::ZERO,
            ..DIRECTION
        });
        queue.offer(&[2; 1_500], ms(0));
        assert_eq!(queue.arrived(ms(20)), None);
        assert_eq!(queue.arrived(ms(21)).as_deref(), Some(&[1; 1_500][..]));
        assert_eq!(queue.arrived(ms(21)).as_deref(), Some(&[2; 1_500][..]));
    }
}
