//! Whether the time a byte depends on the size: a larger file must not cost more than its bytes.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::{data, peak, shown};
use crate::{
    aims::Aim,
    lab::Lab,
    measure::Samples,
    nginx::Nginx,
    options::Row,
    report::{Line, Section},
    runs::Bench,
    service::Service,
    tools::{Tool, Work},
};

pub fn size(lab: &Lab, rounds: usize) -> anyhow::Result<Section> {
    let sizes = data::sizes(lab);
    let origin = Nginx::start(&lab.served(), None)?;
    let service = Service::start(lab, "")?;
    let bench = Bench {
        lab,
        service: &service,
        originals: lab.served(),
        keep: false,
    };
    let mut times = sizes.each_ref().map(|_| Samples::default());
    let mut dropped = sizes.each_ref().map(|_| Samples::default());
    for round in 0..rounds {
        for turn in 0..sizes.len() {
            // Each size has each place in the round.
            let at = (round + turn) % sizes.len();
            let (name, size) = &sizes[at];
            let work = Work::One {
                url: origin.url(name),
                name: name.clone(),
                checksum: None,
                ca_file: None,
            };
            let folder = lab.fresh("size")?;
            let cost = bench.run(&work, Tool::Bgcopy, &folder, round == 0)?;
            bench.dispose(&[folder])?;
            times[at].push(a_gib(cost.wall, *size));
            dropped[at].push(a_gib(fetch_and_drop(&origin.url(name))?, *size));
        }
    }
    let told = "Time a GiB of files of different sizes over HTTP/1.1, bgcopy alone, in turn. Beside it what \
                the origin takes for the same bytes when nobody keeps them.";
    let mut section = Section::new(Row::Size, told);
    let medians = times.each_ref().map(|times| times.quantile(0.5));
    for (((_, size), times), dropped) in sizes.into_iter().zip(&times).zip(&dropped) {
        let what = format!("{}: wall a GiB", shown(size));
        section.push(Line::new(what, "s", times.values().iter().copied()));
        let what = format!("{}: curl into /dev/null, wall a GiB", shown(size));
        section.push(Line::new(what, "s", dropped.values().iter().copied()));
    }
    let largest = medians.into_iter().fold(f64::MIN, f64::max);
    let smallest = medians.into_iter().fold(f64::MAX, f64::min);
    let what = "the largest of these medians by the smallest";
    section.push(Line::new(what, "", [largest / smallest]).aim(Aim::AtMost(1.1)));
    section.push(peak(&service)?);
    Ok(section)
}

/// What it takes when nobody keeps the bytes.
fn fetch_and_drop(url: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let status = Command::new("curl")
        .args(["-sSfo", "/dev/null", url])
        .status()?;
    anyhow::ensure!(status.success(), "curl cannot fetch {url}: {status}");
    Ok(begun.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "a size")]
fn a_gib(wall: Duration, size: u64) -> f64 {
    wall.as_secs_f64() * f64::from(1 << 30) / size as f64
}
