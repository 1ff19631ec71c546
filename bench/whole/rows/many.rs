//! Many small files as one job: bgcopy makes each of them durable, and the job survives a kill between any two.

use std::fs;

use super::{Aims, compare, data::MANY_RIVALS, peak};
use crate::{
    aims::Aim,
    lab::Lab,
    nginx::Nginx,
    options::Row,
    report::{Line, Section},
    runs::Bench,
    service::Service,
    tools::{Tool, Work},
};

pub fn many(lab: &Lab, pairs: usize) -> anyhow::Result<Section> {
    let names = lab.many()?;
    let rivals: [_; MANY_RIVALS] = [
        (
            Tool::Curl,
            "curl -Z --parallel-max 16",
            Aims {
                wall: Some(Aim::AtMost(1.0)),
                cpu: None,
            },
        ),
        (Tool::Wget2, "wget2 --max-threads=16", Aims::default()),
        (Tool::Aria2(1), "aria2 -j16", Aims::default()),
    ];
    let origin = Nginx::start(&lab.served(), None)?;
    let service = Service::start(lab, "")?;
    let urls: Vec<_> = names
        .iter()
        .map(|name| origin.url(&format!("many/{name}")))
        .collect();
    let (curl, list) = (
        lab.folder().join("many.curl"),
        lab.folder().join("many.list"),
    );
    let lines = |line: &dyn Fn(&String) -> String| urls.iter().map(line).collect::<String>();
    fs::write(&curl, lines(&|url| format!("url={url}\nremote-name\n")))?;
    fs::write(&list, lines(&|url| format!("{url}\n")))?;

    let told = format!(
        "{} files of 10 KiB over HTTP/1.1, one job of bgcopy's, each file durable and named. The rivals sync each file once all are there. Nothing is removed until the end: ext4 is slow after that.",
        names.len()
    );
    let mut section = Section::new(Row::Many, told);
    let bench = Bench {
        lab,
        service: &service,
        originals: lab.served().join("many"),
        keep: true,
    };
    let work = Work::Many {
        urls,
        names,
        curl,
        list,
    };
    for (rival, name, aims) in rivals {
        let pairs = bench.pairs(&work, rival, pairs)?;
        compare(&mut section, name, &pairs, aims);
        if matches!(rival, Tool::Aria2(_)) {
            let times = pairs
                .both()
                .map(|(ours, theirs)| theirs.wall.as_secs_f64() / ours.wall.as_secs_f64());
            let what = format!("bgcopy is so many times as fast as {name}");
            section.push(Line::new(what, "", times).aim(Aim::AtLeast(8.0)));
        }
    }
    section.push(peak(&service)?);
    Ok(section)
}
