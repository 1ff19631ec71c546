//! One large file: plain, with its checksum compared while it is fetched, and over TLS.

use std::{fs::File, path::Path};

use bgcopy_testkit::TestCa;

use super::{Aims, compare, data::LARGE, peak, shown};
use crate::{
    aims::Aim,
    lab::Lab,
    nginx::Nginx,
    options::Row,
    report::Section,
    runs::Bench,
    service::Service,
    tools::{Tool, Work},
};

/// Plain HTTP.
pub fn plain(lab: &Lab, pairs: usize) -> anyhow::Result<Section> {
    let told = format!("One file of {} over HTTP/1.1.", shown(lab.large_size()));
    let mut section = Section::new(Row::Plain, told);
    let aims = Aims {
        wall: Some(Aim::AtMost(0.65)),
        cpu: Some(Aim::AtMost(0.7)),
    };
    let rivals = [
        (Tool::Curl, aims),
        (Tool::Wget2, Aims::default()),
        (Tool::Aria2(1), Aims::default()),
    ];
    one_file(&mut section, lab, pairs, None, false, rivals)?;
    Ok(section)
}

/// With a BLAKE3 digest that the service compares; curl compares nothing.
pub fn checked(lab: &Lab, pairs: usize) -> anyhow::Result<Section> {
    let told = format!(
        "One file of {} over HTTP/1.1, `--checksum blake3:…` for bgcopy; curl verifies nothing.",
        shown(lab.large_size())
    );
    let mut section = Section::new(Row::Checked, told);
    let aims = Aims {
        wall: Some(Aim::AtMost(0.75)),
        cpu: None,
    };
    one_file(&mut section, lab, pairs, None, true, [(Tool::Curl, aims)])?;
    Ok(section)
}

/// Over TLS, with an authority of our own.
pub fn https(lab: &Lab, pairs: usize) -> anyhow::Result<Section> {
    let told = format!("One file of {} over HTTPS.", shown(lab.large_size()));
    let mut section = Section::new(Row::Https, told);
    let aims = Aims {
        wall: Some(Aim::AtMost(0.75)),
        cpu: Some(Aim::AtMost(0.8)),
    };
    let rivals = [
        (Tool::Curl, aims),
        (Tool::Wget2, Aims::default()),
        (Tool::Aria2(1), Aims::default()),
    ];
    let authority = TestCa::new();
    one_file(&mut section, lab, pairs, Some(&authority), false, rivals)?;
    Ok(section)
}

fn one_file(
    section: &mut Section,
    lab: &Lab,
    pairs: usize,
    authority: Option<&TestCa>,
    checked: bool,
    rivals: impl IntoIterator<Item = (Tool, Aims)>,
) -> anyhow::Result<()> {
    let file = lab.served().join(LARGE);
    let origin = Nginx::start(&lab.served(), authority)?;
    let ca_file = authority.map(TestCa::pem_file);
    let configuration = ca_file.as_ref().map_or_else(String::new, |file| {
        format!("[http]\nca_file = {:?}\n", file.display().to_string())
    });
    let service = Service::start(lab, &configuration)?;
    let work = Work::One {
        url: origin.url(LARGE),
        name: LARGE.to_owned(),
        checksum: checked.then(|| blake3(&file)).transpose()?,
        ca_file,
    };
    let bench = Bench {
        lab,
        service: &service,
        originals: lab.served(),
        keep: false,
    };
    for (rival, aims) in rivals {
        let pairs = bench.pairs(&work, rival, pairs)?;
        compare(section, &rival.to_string(), &pairs, aims);
    }
    section.push(peak(&service)?);
    Ok(())
}

fn blake3(path: &Path) -> anyhow::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}
