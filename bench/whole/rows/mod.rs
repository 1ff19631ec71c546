//! The rows of the table of aims, a module each.
//!
//! Owns which service and origin a row has, what it fetches, and which aim belongs to which figure.

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
    let cpu = |cost: &Cost| cost.cpu.as_secs_f64();
    let ratios = |part: &dyn Fn(&Cost) -> f64| {
        let both = pairs.ours.iter().zip(&pairs.theirs);
        // The kernel counts processor time in steps of 10 ms, and may have counted none.
        both.map(|(ours, theirs)| part(ours) / part(theirs).max(0.01))
            .collect::<Vec<_>>()
    };
    for (who, costs) in [("bgcopy", &pairs.ours), (rival, &pairs.theirs)] {
        let beside = format!("{who}, in the pairs with {rival}");
        let name = if who == rival { who } else { &beside };
        section.push(Line::new(
            format!("{name}: wall"),
            "s",
            costs.iter().map(wall),
        ));
        section.push(Line::new(
            format!("{name}: CPU"),
            "s",
            costs.iter().map(cpu),
        ));
    }
    for (what, ratios, aim) in [
        ("wall", ratios(&wall), aims.wall),
        ("CPU", ratios(&cpu), aims.cpu),
    ] {
        let line = Line::new(format!("bgcopy by {rival}: {what}"), "", ratios);
        section.push(match aim {
            Some(aim) => line.aim(aim),
            None => line,
        });
    }
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
