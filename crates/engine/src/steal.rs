//! Who gives the rest of a run away when a source has nothing left to fetch.
//!
//! Every byte is with one source already, and one of them would be the last to end. The tail of its run goes to the one
//! that is free, cut so that both end together by their speeds, and at a border of pieces, so that each piece is written
//! by one source. Where a piece takes long it is cut within it: otherwise everybody waits for it in the end. Knows no
//! protocol; that the first source stops at the cut is its owner's affair.

use bgcopy_model::PIECE;

use crate::Run;

/// How many parts a piece has at whose borders a slow one can be cut.
const PARTS: u64 = 8;

/// A source that takes longer than this part of a second for a piece is slow.
const SLOW: u64 = 4;

/// A run that a source is fetching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The first byte that has not arrived.
    pub at: u64,
    /// The byte after the last.
    pub end: u64,
    /// Bytes a second; 0: it stands still.
    pub speed: u64,
}

/// A source that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thief {
    /// Bytes a second that it is expected to bring.
    pub speed: u64,
    /// Fewer bytes are not worth a request; nor is less than a piece, where that comes fast.
    pub least: u64,
    /// More are not wanted yet.
    pub most: u64,
}

/// What is taken from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theft {
    /// The index of the run that ends where `run` begins now.
    pub from: usize,
    /// The tail.
    pub run: Run,
}

/// The tail of the run that has the longest time left, of those that have one worth taking. `None`: there is none.
/// Nothing is taken of the piece, or the part of a slow one, in which a source is.
pub fn steal(held: &[Held], thief: &Thief) -> Option<Theft> {
    by_pieces_of(PIECE, held, thief)
}

/// The same with pieces of another size, so that a model can go through them byte by byte.
pub(crate) fn by_pieces_of(piece: u64, held: &[Held], thief: &Thief) -> Option<Theft> {
    let tails = held.iter().enumerate().filter_map(|(from, run)| {
        let cut = cut(piece, run, thief)?;
        let run = Run {
            start: cut,
            end: Some(run.end),
        };
        Some(Theft { from, run })
    });
    tails.max_by_key(|theft| time_left(&held[theft.from]))
}

/// In millionths of a second.
fn time_left(run: &Held) -> u128 {
    u128::from(run.end.saturating_sub(run.at)) * 1_000_000 / u128::from(run.speed.max(1))
}

fn cut(piece: u64, run: &Held, thief: &Thief) -> Option<u64> {
    let left = run.end.saturating_sub(run.at);
    let speeds = u128::from(thief.speed.max(1)) + u128::from(run.speed);
    let share = u128::from(left) * u128::from(thief.speed.max(1)) / speeds;
    let share = u64::try_from(share).unwrap_or(left).min(thief.most);
    let grain = if run.speed / SLOW < piece {
        piece / PARTS
    } else {
        piece
    };
    let behind = (run.at / grain).checked_add(1)?.checked_mul(grain)?;
    let ideal = run.end.checked_sub(share)?;
    let cut = ideal.checked_next_multiple_of(grain)?.max(behind);
    (cut < run.end && run.end - cut >= thief.least.max(grain)).then_some(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = PIECE;

    /// A piece in a tenth of a second.
    const FAST: u64 = 10 * MIB;

    fn held(at: u64, end: u64, speed: u64) -> Held {
        Held { at, end, speed }
    }

    fn thief(speed: u64) -> Thief {
        Thief {
            speed,
            least: 1,
            most: u64::MAX,
        }
    }

    fn taken(held: &[Held], thief: Thief) -> Option<(usize, u64)> {
        steal(held, &thief).map(|theft| (theft.from, theft.run.start))
    }

    #[test]
    fn the_run_with_the_longest_time_left_gives_half_to_an_equal() {
        let runs = [held(0, 40 * MIB, 3 * FAST), held(50 * MIB, 80 * MIB, FAST)];
        assert_eq!(taken(&runs, thief(FAST)), Some((1, 65 * MIB)));
    }

    #[test]
    fn shares_follow_the_speeds_and_borders_those_of_pieces() {
        let run = held(100, 40 * MIB, 3 * FAST);
        assert_eq!(taken(&[run], thief(FAST)), Some((0, 31 * MIB)));
        let odd = held(5 * MIB + 1, 9 * MIB + 7, FAST);
        assert_eq!(taken(&[odd], thief(u64::MAX / 2)), Some((0, 6 * MIB)));
    }

    #[test]
    fn what_is_not_worth_a_request_stays() {
        let run = |end| [held(0, end, FAST)];
        assert_eq!(taken(&run(2 * MIB - 1), thief(FAST)), None);
        assert_eq!(taken(&run(2 * MIB), thief(FAST)), Some((0, MIB)));
        let choosy = Thief {
            least: 6 * MIB,
            ..thief(FAST)
        };
        assert_eq!(taken(&run(10 * MIB), choosy), None);
    }

    #[test]
    fn a_slow_piece_is_cut_within_itself() {
        let slow = held(0, MIB, MIB / 2);
        assert_eq!(taken(&[slow], thief(MIB / 2)), Some((0, MIB / 2)));
        let stalled = held(5 * MIB + 1, 6 * MIB, 0);
        let part = MIB / PARTS;
        assert_eq!(taken(&[stalled], thief(1)), Some((0, 5 * MIB + part)));
        let nearly_done = held(6 * MIB - part, 6 * MIB, 1);
        assert_eq!(taken(&[nearly_done], thief(1)), None);
    }

    #[test]
    fn on_trial_a_source_gets_little() {
        let modest = Thief {
            most: 3 * MIB,
            ..thief(FAST)
        };
        let runs = [held(0, 90 * MIB, FAST)];
        assert_eq!(taken(&runs, modest), Some((0, 87 * MIB)));
    }

    #[test]
    fn the_ends_of_the_number_range_do_no_harm() {
        assert_eq!(taken(&[held(u64::MAX - 1, u64::MAX, 1)], thief(1)), None);
        assert_eq!(taken(&[held(7, 3, 1)], thief(1)), None);
        let all = held(0, u64::MAX, u64::MAX);
        assert!(taken(&[all], thief(u64::MAX)).is_some());
    }
}
