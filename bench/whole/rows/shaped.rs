//! One file over a link of 200 Mbit/s and 50 ms, with two kinds of sender and with or without loss.
//!
//! Owns what a cell is: each round runs every tool once with the same seed, so that the same packets by number are lost
//! to all, and the order turns with the round. bgcopy is compared with whichever rival is the best in the cell.

use std::time::Duration;

use bgcopy_testkit::link::{Congestion, Link, Shape};

use super::{PEAK, data};
use crate::{
    aims::Aim,
    cost::{self, Ended},
    lab::Lab,
    measure::Samples,
    nginx::Nginx,
    options::Row,
    report::{Line, Section},
    runs,
    service::Service,
    tools::{Tool, Work},
};

const RATE: u64 = 200_000_000;
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// One packet of 200.
const LOSS: f64 = 0.005;

const RIVALS: [Tool; 4] = [Tool::Curl, Tool::Aria2(1), Tool::Aria2(4), Tool::Aria2(16)];

/// What a packet of 1500 bytes carries beside the headers of IP and TCP with its timestamps.
const PAYLOAD: f64 = 1_448.0 / 1_500.0;

/// A kind of sender and a part of packets that is lost.
struct Cell {
    sender: Congestion,
    loss: f64,
    aim: Aim,
}

/// A link with an origin at its far end, and what is fetched over it.
struct Far<'a> {
    lab: &'a Lab,
    link: Link,
    work: Work,
    size: u64,
    /// Where a run is cut short: one connection with CUBIC and loss would take minutes.
    cap: Duration,
}

/// One run.
struct Run {
    /// Megabits a second.
    goodput: f64,
    /// It came to its end.
    is_whole: bool,
    /// The most that the service had, in MiB, also where it had nothing to do.
    memory: f64,
}

pub fn shaped(lab: &Lab, rounds: usize) -> anyhow::Result<Section> {
    let (name, size) = data::shaped(lab);
    let cap = Duration::from_secs(if lab.is_quick() { 5 } else { 60 });
    let link = Link::start(Shape::symmetric(RATE, ROUND_TRIP)).map_err(anyhow::Error::msg)?;
    let origin = Nginx::start_in(link.server(), Link::SERVER, &lab.served())?;
    let far = Far {
        lab,
        work: Work::One {
            url: origin.url(&name),
            name,
            checksum: None,
            ca_file: None,
        },
        size,
        cap,
        link,
    };
    let mut section = Section::new(Row::Shaped, far.told());
    let mut peak = 0.0;
    for sender in [Congestion::Cubic, Congestion::Bbr] {
        for (loss, aim) in [(0.0, Aim::AtLeast(0.97)), (LOSS, Aim::AtLeast(0.9))] {
            let cell = Cell { sender, loss, aim };
            let of_cell = far.cell(&cell, rounds, &mut section)?;
            peak = of_cell.max(peak);
        }
    }
    let memory = Line::new("peak resident memory of the service", "MiB", [peak]);
    section.push(memory.aim(PEAK));
    Ok(section)
}

impl Far<'_> {
    fn told(&self) -> String {
        let priority = if self.link.is_prompt() {
            "at real-time priority"
        } else {
            "without real-time priority, so that a busy machine makes it slower"
        };
        format!(
            "Goodput of one file of {} MB over a link of {} Mbit/s and {} ms whose queue holds {} ms, carried between two network namespaces by a thread {priority}; the service starts anew for each run, and runs in the client's. A run that lasts {} s is cut short: its bytes are then those that the link delivered, less their headers. The ratio is of goodputs: more is better.",
            self.size / 1_000_000,
            RATE / 1_000_000,
            ROUND_TRIP.as_millis(),
            ROUND_TRIP.as_millis(),
            self.cap.as_secs(),
        )
    }

    /// Runs all rounds of a cell, and gives back the most memory that a service had, in MiB.
    fn cell(&self, cell: &Cell, rounds: usize, section: &mut Section) -> anyhow::Result<f64> {
        let tools = [&[Tool::Bgcopy], &RIVALS[..]].concat();
        let mut goodputs: Vec<_> = tools.iter().map(|_| Samples::default()).collect();
        let mut cut = vec![0; tools.len()];
        let mut peak: f64 = 0.0;
        for round in 0..rounds {
            for turn in 0..tools.len() {
                let at = (round + turn) % tools.len();
                let Run {
                    goodput,
                    is_whole,
                    memory,
                } = self.run(cell, tools[at], round as u64 + 1)?;
                eprintln!(
                    "  {:<6} {:.1} %  {:<12} {goodput:8.2} Mbit/s{}",
                    cell.sender.name(),
                    cell.loss * 100.0,
                    tools[at].to_string(),
                    if is_whole { "" } else { ", cut short" }
                );
                goodputs[at].push(goodput);
                peak = peak.max(memory);
                cut[at] += usize::from(!is_whole);
            }
        }
        let named = format!("{}, {} % lost", cell.sender.name(), cell.loss * 100.0);
        for ((tool, goodputs), cut) in tools.iter().zip(&goodputs).zip(cut) {
            let note = if cut == 0 {
                String::new()
            } else {
                format!(" ({cut} of {rounds} cut short)")
            };
            let values = goodputs.values().iter().copied();
            section.push(Line::new(
                format!("{named}: {tool}{note}"),
                "Mbit/s",
                values,
            ));
        }
        let median = |at: &usize| goodputs[*at].quantile(0.5);
        let best = (1..tools.len())
            .max_by(|a, b| median(a).total_cmp(&median(b)))
            .unwrap_or(1);
        let both = goodputs[0].values().iter().zip(goodputs[best].values());
        let what = format!("{named}: bgcopy by {}, the best", tools[best]);
        section.push(Line::new(what, "", both.map(|(ours, best)| ours / best)).aim(cell.aim));
        Ok(peak)
    }

    fn run(&self, cell: &Cell, tool: Tool, seed: u64) -> anyhow::Result<Run> {
        let service = Service::start_in(self.link.client(), self.lab)?;
        let folder = self.lab.fresh("shaped")?;
        let congestion = self.link.congestion(cell.sender);
        congestion.map_err(anyhow::Error::msg)?;
        self.lab.settle()?;
        let shape = Shape::symmetric(RATE, ROUND_TRIP);
        self.link.reshape(shape.losing(cell.loss, seed));
        let mut commands = self.work.commands(tool, &service, &folder);
        let cap = self.cap;
        let timed = self.link.client().run(|| cost::time(&mut commands, cap));
        let ended = timed.map_err(anyhow::Error::msg)??;
        let delivered = self.link.down().bytes;
        #[expect(clippy::cast_precision_loss, reason = "bytes of one file")]
        let goodput = match &ended {
            Ended::Whole { all: wall, .. } => {
                runs::check(&self.work, &self.lab.served(), &folder, seed == 1)?;
                self.size as f64 * 8e-6 / wall.as_secs_f64()
            }
            Ended::CutShort(wall) => delivered as f64 * PAYLOAD * 8e-6 / wall.as_secs_f64(),
        };
        let memory = service.peak()?;
        drop(service);
        self.lab.remove(&folder)?;
        Ok(Run {
            goodput,
            is_whole: matches!(ended, Ended::Whole { .. }),
            memory,
        })
    }
}
