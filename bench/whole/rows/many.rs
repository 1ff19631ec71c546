//! Many small files as one job: bgcopy makes each of them durable, and the job survives a kill between any two.

use std::fs;

use super::{Aims, compare, peak};
use crate::{
    aims::Aim,
    lab::{Lab, MANY_SIZE},
    nginx::Nginx,
    options::Row,
    report::{Line, Section},
    runs::Bench,
    service::Service,
    tools::{Tool, Work},
};

/// What a small file takes on the disk: its blocks, its inode and its entry.
const ON_DISK: u64 = MANY_SIZE + 6 * 1_024;

pub fn many(lab: &Lab, pairs: usize) -> anyhow::Result<Section> {
    let names = lab.many()?;
    let rivals = [
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
    let files = names.len() * pairs * 2 * rivals.len();
    lab.require(files as u64 * ON_DISK)?;

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
        "{} files of 10 KiB over HTTP/1.1, one job of bgcopy's, each file durable and named. What is fetched stays until the row ends.",
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
            let both = pairs.ours.iter().zip(&pairs.theirs);
            let times =
                both.map(|(ours, theirs)| theirs.wall.as_secs_f64() / ours.wall.as_secs_f64());
            let what = format!("bgcopy is so many times as fast as {name}");
            section.push(Line::new(what, "", times).aim(Aim::AtLeast(8.0)));
        }
    }
    section.push(peak(&service)?);
    Ok(section)
}
