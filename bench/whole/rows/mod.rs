//! The rows of the table of aims, a module each.
//!
//! Owns which service and origin a row has, what it fetches, and which aim belongs to which figure.

mod data;
mod large;
mod many;
mod memory;
mod shaped;
mod size;
mod small;

use crate::{
    aims::Aim,
    cost::Cost,
    lab::Lab,
    options::{Options, Row},
    report::{Line, Section},
    runs::Pairs,
    service::Service,
};

pub use data::prepare;

/// What the service's memory is to stay below in every row, in MiB.
const PEAK: Aim = Aim::AtMost(48.0);

/// Measures a row.
pub fn measure(row: Row, lab: &Lab, options: &Options) -> anyhow::Result<Section> {
    match row {
        Row::Plain => large::plain(lab, options.pairs),
        Row::Checked => large::checked(lab, options.pairs),
        Row::Https => large::https(lab, options.pairs),
        Row::Many => many::many(lab, options.pairs),
        Row::Small => small::small(lab),
        Row::Memory => memory::memory(lab),
        Row::Size => size::size(lab, options.pairs),
        Row::Shaped => shaped::shaped(lab, options.pairs),
    }
}

/// What is aimed at beside a rival, of its cost.
#[derive(Default)]
struct Aims {
    wall: Option<Aim>,
    cpu: Option<Aim>,
}

/// The lines of the pairs with one rival: the seconds of both, and the ratios pair by pair.
fn compare(section: &mut Section, rival: &str, pairs: &Pairs, aims: Aims) {
    let wall = |cost: &Cost| cost.wall.as_secs_f64();
    let fetch = |cost: &Cost| cost.fetch.as_secs_f64();
    // The kernel counts in steps of 10 ms, and may have counted none.
    let cpu = |cost: &Cost| cost.cpu.as_secs_f64().max(0.01);
    let mut lines = |what: &str, of: &dyn Fn(&Cost) -> f64, aim: Option<Aim>| {
        for (who, costs) in [(rival, &pairs.theirs), ("bgcopy beside it", &pairs.ours)] {
            let values = costs.iter().map(of);
            section.push(Line::new(format!("{who}: {what}"), "s", values));
        }
        let ratios = pairs.both().map(|(ours, theirs)| of(ours) / of(theirs));
        let line = Line::new(format!("bgcopy by {rival}: {what}"), "", ratios);
        section.push(match aim {
            Some(aim) => line.aim(aim),
            None => line,
        });
    };
    lines("wall", &wall, aims.wall);
    lines("CPU", &cpu, aims.cpu);
    let ratios = pairs
        .both()
        .map(|(ours, theirs)| wall(ours) / fetch(theirs));
    let what = format!("bgcopy by {rival} without its sync: wall");
    section.push(Line::new(what, "", ratios));
}

/// The line of the service's memory.
fn peak(service: &Service) -> anyhow::Result<Line> {
    Ok(Line::new(
        "peak resident memory of the service",
        "MiB",
        [service.peak()?],
    )
    .aim(PEAK))
}

/// A size as it is written in a sentence.
fn shown(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 10 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}
