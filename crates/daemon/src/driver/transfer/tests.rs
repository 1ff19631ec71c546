//! Runs with several sources, over real sockets and on a real disk. What a run with one source does is shown by the
//! tests of the whole service.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at files behind the disk's back"
)]

use std::{path::Path, time::Duration};

use bgcopy_disk::{Disk, Rights};
use bgcopy_model::{
    Credentials, FilePhase, JobId, Naming, Owner, ProxyEnvironment, ProxySettings, Spent,
};
use bgcopy_testkit::{
    faulty::{Cut, Digest, Fault, Origin, Resource},
    fs::sha256_file,
};

use bgcopy_origin::{RedirectPolicy, Target};
use bgcopy_transfer::Source;

use super::*;

const TEMPORARY: &str = ".x.part";

/// It takes one connection at [`PACE`] ten seconds and more.
const SIZE: u64 = 12 << 20;

/// Bytes a second of each answer.
const PACE: u64 = 1 << 20;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn paced(resource: Resource) -> Resource {
    resource.always(Fault::Pace(PACE))
}

fn content() -> Resource {
    paced(Resource::pattern(1, SIZE))
}

/// What came of a run: its end, and what it said of versions.
struct Ran {
    folder: tempfile::TempDir,
    outcome: Outcome,
    versions: Vec<Validator>,
}

impl Ran {
    fn sha256(&self) -> String {
        sha256_file(self.folder.path().join(TEMPORARY)).unwrap()
    }
}

/// Runs a file that is to come from these places, the origin first.
async fn run_over(places: &[&str], checksum: Option<String>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = record(folder.path(), places[0], checksum);
    let client = Client::new(bgcopy_origin::Config::default()).unwrap();
    let mut places = places
        .iter()
        .map(|url| Box::new(client.source(target(url))) as Box<dyn Source>);
    let origin = places.next().unwrap();
    let mut sources = Sources::new(origin, places.collect(), file.checksum.is_some());
    if file.checksum.is_some() {
        let known = Places::of(client.clone(), target(file.url.as_str()), vec![]);
        sources = sources.learning(known);
    }
    let (messages, mut inbox) = mpsc::unbounded_channel();
    let reporter = Reporter {
        told: Told {
            heads: Heads::default(),
            reports_redirects: false,
        },
        messages,
        id: FileId {
            job: JobId::from_u128(1),
            index: file.index,
        },
        attempt: Attempt(1),
    };
    let listener = tokio::spawn(async move {
        let mut versions = Vec::new();
        while let Some(message) = inbox.recv().await {
            match message {
                Message::Event(Event::Transfer(_, _, Report::Opened { version, .. })) => {
                    versions.push(version);
                }
                Message::Durably(_, done) => drop(done.send(())),
                _ => {}
            }
        }
        versions
    });
    let disk = Disk::new(Rights::Own).owner(Owner::ROOT).unwrap();
    let sink = Ok(Sink::file(disk, Names::default()));
    let lanes = Arc::new(AtomicU32::new(16));
    let (_go_on, stop) = oneshot::channel();
    let run = run(
        file,
        sink,
        sources,
        lanes,
        Budget::default(),
        &reporter,
        stop,
    );
    let outcome = tokio::time::timeout(PATIENCE, run).await.unwrap();
    drop(reporter);
    Ran {
        folder,
        outcome,
        versions: listener.await.unwrap(),
    }
}

fn target(url: &str) -> Target {
    Target {
        url: url.parse().unwrap(),
        headers: Vec::new(),
        proxies: ProxyEnvironment::default(),
        proxy: ProxySettings::default(),
        credentials: Credentials::default(),
        redirects: RedirectPolicy::default(),
    }
}

fn record(folder: &Path, url: &str, checksum: Option<String>) -> FileRecord {
    FileRecord {
        index: 0,
        url: url.parse().unwrap(),
        found_at: None,
        path: folder.join("x"),
        naming: Naming::Given,
        sink: model::Sink::File,
        folder: None,
        temporary: TEMPORARY.to_owned(),
        ranges: vec![],
        checksum: checksum.map(|digest| format!("sha256:{digest}").parse().unwrap()),
        size: None,
        validator: Validator::default(),
        modified: None,
        durable: RangeSet::new(),
        mirrors: vec![],
        restarts: 0,
        is_valid: false,
        spent: Spent::default(),
        notify_due: false,
        phase: FilePhase::Pending,
    }
}

fn finished() -> Outcome {
    Outcome::Finished {
        size: SIZE,
        length_unverified: false,
    }
}

#[tokio::test]
async fn a_file_with_a_checksum_comes_from_its_origin_and_a_mirror_whatever_their_tags() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let places = [
        origin.serve("/x", content()),
        mirror.serve("/y", content().etag("\"mirror\"")),
    ];
    let ran = run_over(&[&places[0], &places[1]], Some(content().sha256())).await;
    assert_eq!(ran.outcome, finished());
    assert_eq!(ran.sha256(), content().sha256());
    for place in [&origin, &mirror] {
        let brought = place.bytes_sent();
        assert!(brought > 1 << 20, "{brought} bytes");
    }
    let tags = ran.versions.iter().map(|version| version.etag.as_deref());
    assert!(tags.into_iter().all(|tag| tag != Some("\"mirror\"")));
    // What is asked of it is tied to what it told itself, never to the origin's tag.
    let asked = mirror.requests();
    assert_eq!(asked[0].header("if-range"), None);
    let mut ties = asked.iter().filter_map(|seen| seen.header("if-range"));
    assert!(ties.all(|tie| tie == "\"mirror\""));
}

#[tokio::test]
async fn without_a_checksum_a_mirror_is_never_asked() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let places = [origin.serve("/x", content()), mirror.serve("/y", content())];
    let ran = run_over(&[&places[0], &places[1]], None).await;
    assert_eq!(ran.outcome, finished());
    assert_eq!(mirror.requests().len(), 0);
}

#[tokio::test]
async fn a_mirror_that_has_another_size_is_asked_once() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let places = [
        origin.serve("/x", content()),
        mirror.serve("/y", Resource::pattern(1, SIZE + 1)),
    ];
    let ran = run_over(&[&places[0], &places[1]], Some(content().sha256())).await;
    assert_eq!(ran.outcome, finished());
    assert_eq!(mirror.requests().len(), 1);
    assert_eq!(ran.sha256(), content().sha256());
}

#[tokio::test]
async fn where_the_origin_fails_a_mirror_brings_the_rest() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let broken = Resource::pattern(1, SIZE)
        .on_request(1, Fault::CutAfter(SIZE / 3, Cut::Fin))
        .from_request(2, Fault::status(404));
    let places = [
        origin.serve("/x", broken),
        mirror.serve("/y", Resource::pattern(1, SIZE).etag("\"m\"")),
    ];
    let ran = run_over(&[&places[0], &places[1]], Some(content().sha256())).await;
    assert_eq!(ran.outcome, finished());
    assert_eq!(ran.sha256(), content().sha256());
    let asked = &mirror.requests()[0];
    let range = format!("bytes={}-", SIZE / 3);
    assert_eq!(asked.range.as_deref(), Some(range.as_str()));
}

#[tokio::test]
async fn an_origin_that_never_answers_leaves_the_record_without_anothers_tag() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let places = [
        origin.serve("/x", content().always(Fault::status(503))),
        mirror.serve("/y", Resource::pattern(1, SIZE)),
    ];
    let ran = run_over(&[&places[0], &places[1]], Some(content().sha256())).await;
    assert_eq!(ran.outcome, finished());
    assert!(
        ran.versions
            .iter()
            .all(|version| version.if_range().is_none())
    );
    assert_eq!(ran.versions.len(), 1);
}

#[tokio::test]
async fn mirrors_that_the_origin_names_help_where_there_is_a_checksum() {
    for has_checksum in [true, false] {
        let (origin, mirror) = (Origin::start(), Origin::start());
        let url = mirror.serve("/y", content());
        let named = content().always(Fault::ReprDigest(Digest::Right)).header(
            "Link",
            format!("<{url}>; rel=duplicate, <{url}>; rel=duplicate"),
        );
        let place = origin.serve("/x", named);
        let checksum = has_checksum.then(|| content().sha256());
        let ran = run_over(&[&place], checksum).await;
        assert_eq!(ran.outcome, finished());
        assert_eq!(ran.sha256(), content().sha256());
        assert_eq!(mirror.bytes_sent() > 1 << 20, has_checksum);
    }
}

/// Of the file's size and pace, and not the file.
fn wrong(seed: u64) -> Resource {
    paced(Resource::pattern(seed, SIZE))
}

#[tokio::test]
async fn what_several_brought_wrong_comes_from_each_alone_until_it_is_right() {
    for (resources, asked_anew) in [([content(), wrong(2)], 0), ([wrong(2), content()], 1)] {
        let hosts = [Origin::start(), Origin::start()];
        let [first, second] = resources;
        let places = [hosts[0].serve("/x", first), hosts[1].serve("/y", second)];
        let ran = run_over(&[&places[0], &places[1]], Some(content().sha256())).await;
        assert_eq!(ran.outcome, finished());
        assert_eq!(ran.sha256(), content().sha256());
        let from_the_start = |host: &Origin| {
            let asked = host.requests();
            let is_whole = |range: Option<&str>| range.is_none_or(|it| it == "bytes=0-");
            asked
                .iter()
                .filter(|seen| is_whole(seen.range.as_deref()))
                .count()
        };
        assert_eq!(from_the_start(&hosts[0]), 2, "with the other, and alone");
        assert_eq!(from_the_start(&hosts[1]), asked_anew);
    }
}

#[tokio::test]
async fn what_every_place_has_wrong_is_never_taken_for_the_file() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let places = [origin.serve("/x", wrong(2)), mirror.serve("/y", wrong(3))];
    let ran = run_over(&[&places[0], &places[1]], Some(content().sha256())).await;
    let Outcome::Failed(trouble) = &ran.outcome else {
        panic!("{:?}", ran.outcome);
    };
    assert_eq!(trouble.condition, Condition::DigestMismatch);
    let left = std::fs::metadata(ran.folder.path().join(TEMPORARY)).unwrap();
    assert_eq!(left.len(), 0, "nothing of it is kept");
}

#[tokio::test]
async fn a_mirror_with_an_empty_body_after_wrong_bytes_ends_the_run() {
    let (origin, mirror) = (Origin::start(), Origin::start());
    let places = [
        origin.serve("/x", Resource::pattern(2, 1_000)),
        mirror.serve("/y", Resource::new("")),
    ];
    let right = Resource::pattern(1, 1_000).sha256();
    let ran = run_over(&[&places[0], &places[1]], Some(right)).await;
    let Outcome::Failed(trouble) = &ran.outcome else {
        panic!("{:?}", ran.outcome);
    };
    assert_eq!(trouble.condition, Condition::DigestMismatch);
    assert_eq!(mirror.requests().len(), 1);
}
