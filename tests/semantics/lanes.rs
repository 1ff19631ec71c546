//! Section 11, Several connections: when a file comes by more than one, and that it is one version and whole whatever
//! happens to any of them.
//!
//! The origin sends each answer at a pace of its own, so that more connections bring more on a loopback too.

use bgcopy::{FileRequest, Job, JobState, Manager, Priority};
use bgcopy_testkit::faulty::{Body, Cut, Fault, Origin, Resource, Version};

use crate::support::{Service, sha256, until, until_it};

/// Bytes a second of each answer.
const PACE: u64 = 512 << 10;

/// It takes one connection many seconds.
const SIZE: u64 = 24 << 20;

fn paced(seed: u64, size: u64) -> Resource {
    Resource::pattern(seed, size).always(Fault::Pace(PACE))
}

async fn start(manager: &Manager, service: &Service, url: &str, priority: Priority) -> Job {
    let file = FileRequest::new(url, service.file("background"));
    let job = manager.create_job("a level").priority(priority).file(file);
    job.submit().await.unwrap()
}

#[tokio::test]
async fn s11_1_a_foreground_file_comes_by_more_connections_where_that_is_faster() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = paced(1, SIZE);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let job = service.get(&manager, &url, "file").await;
    let info = until(&job, &[JobState::Transferred]).await;
    assert_eq!(info.error_count, 0);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    let requests = origin.requests_for("/file");
    let beside = requests
        .iter()
        .filter(|seen| seen.header("if-range").is_some());
    assert!(beside.count() >= 4, "{} requests", requests.len());
    let mut connections: Vec<_> = requests.iter().map(|seen| seen.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    assert!(connections.len() > 4, "{connections:?}");
}

#[tokio::test]
async fn s11_1_a_background_file_and_one_that_nothing_ties_together_have_one_connection() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let weak = |resource: Resource| resource.etag("W/\"weak\"").no_last_modified();
    let silent = |resource: Resource| resource.always(Fault::WithoutHeader("Accept-Ranges"));
    let [background, weak, chunked, silent] = [
        ("/background", paced(1, SIZE)),
        ("/weak", weak(paced(2, SIZE))),
        ("/chunked", paced(3, SIZE).always(Fault::Chunked)),
        ("/silent", silent(paced(4, SIZE))),
    ]
    .map(|(path, resource)| origin.serve(path, resource));
    let jobs = [
        start(&manager, &service, &background, Priority::High).await,
        service.get(&manager, &weak, "weak").await,
        service.get(&manager, &chunked, "chunked").await,
        service.get(&manager, &silent, "silent").await,
    ];
    // Twice as long as it takes where more than one are tried.
    for job in &jobs {
        until_it(job, |info| info.bytes_transferred > 6 * PACE).await;
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), jobs.len(), "{requests:#?}");
    for job in &jobs {
        job.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn s11_2_another_version_on_one_connection_starts_the_file_again() {
    let other = Body::Pattern {
        seed: 9,
        len: SIZE / 2,
    };
    let expected = other.sha256();
    let service = Service::start();
    let manager = service.manager().await;
    let mut runs = Vec::new();
    // One that says so, and one that answers for the version that was asked for. The third request is beside others.
    for (name, lies) in [("honest", false), ("stubborn", true)] {
        let origin = Origin::start();
        let mut resource =
            paced(1, SIZE / 2).from_request(3, Fault::Become(Version::of(other.clone())));
        if lies {
            resource = resource.on_request(3, Fault::IgnoreIfRange);
        }
        let url = origin.serve("/file", resource);
        let job = service.get(&manager, &url, name).await;
        runs.push((name, job, origin));
    }
    for (name, job, origin) in &runs {
        let info = until(job, &[JobState::Transferred, JobState::Error]).await;
        assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
        job.complete().await.unwrap();
        assert_eq!(sha256(&service.file(name)), expected, "{name}");
        assert!(origin.requests().len() >= 4, "{name}: beside others");
    }
}

#[tokio::test]
async fn s11_3_trouble_of_one_connection_among_several_is_not_the_files() {
    let cut = |how| Fault::CutAfter(100_000, how);
    let shifted = Fault::ShiftRange {
        content: 1,
        header: 1,
    };
    let file = || paced(1, SIZE / 2);
    let cases = [
        ("reset", file().on_request(3, cut(Cut::Reset))),
        ("closed", file().on_request(2, cut(Cut::Fin))),
        (
            "in the head",
            file().on_request(3, Fault::CutInHeader(9, Cut::Fin)),
        ),
        ("stalls", file().on_request(3, Fault::StallAfter(300_000))),
        ("short", file().from_request(2, Fault::ShortRange(700_000))),
        ("shifted", file().on_request(4, shifted)),
        (
            "garbage",
            file().on_request(2, Fault::Garbage(b"?\r\n".as_slice().into())),
        ),
        (
            "busy",
            file().from_request(2, Fault::unavailable_for(3_600)),
        ),
        ("no more", file().from_request(2, Fault::status(429))),
        ("forbidden", file().from_request(2, Fault::status(403))),
        ("ignores ranges", file().from_request(2, Fault::IgnoreRange)),
        ("gzip", file().from_request(2, Fault::ForceGzip)),
        (
            "other total",
            file().on_request(3, Fault::RangeTotal(Some(SIZE))),
        ),
    ];
    let service = Service::start();
    let manager = service.manager().await;
    let expected = file().sha256();
    let mut runs = Vec::new();
    for (name, resource) in cases {
        let origin = Origin::start();
        let url = origin.serve("/file", resource);
        let job = service.get(&manager, &url, name).await;
        runs.push((name, job, origin));
    }
    for (name, job, origin) in &runs {
        let states = [
            JobState::Transferred,
            JobState::TransientError,
            JobState::Error,
        ];
        let info = until(job, &states).await;
        let seen = origin.requests();
        assert_eq!(
            info.state,
            JobState::Transferred,
            "{name}: {:?}, {seen:#?}",
            info.error
        );
        assert_eq!(info.error_count, 0, "{name}");
        assert!(seen.len() > 1, "{name}: one connection");
        job.complete().await.unwrap();
        assert_eq!(sha256(&service.file(name)), expected, "{name}");
    }
}

#[tokio::test]
async fn s11_3_the_last_connections_trouble_is_the_files_and_no_byte_is_lost_with_it() {
    let (service, mut origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = paced(1, SIZE);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource.clone());
    let job = service.get(&manager, &url, "file").await;
    origin.until(|seen| seen.len() >= 4).await;
    until_it(&job, |info| info.bytes_transferred > 6 << 20).await;
    // All connections end at once, and nobody listens any more.
    let (address, sent) = (origin.address(), origin.bytes_sent());
    drop(origin);
    until(&job, &[JobState::TransientError]).await;
    origin = Origin::start_on(address);
    origin.serve("/file", resource);
    let _ = job.resume().await;
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    // What was sent twice was on its way: at most what the buffers of some connections hold.
    let twice = (sent + origin.bytes_sent()).saturating_sub(SIZE);
    assert!(twice < SIZE / 2, "{twice} bytes twice");
}

#[tokio::test]
async fn s11_4_another_files_first_connection_comes_before_a_files_second() {
    let config = "[http]\nconnections_per_origin = 4\n";
    let (service, origin) = (Service::start_with(config, &[]), Origin::start());
    let manager = service.manager().await;
    let long = origin.serve("/long", paced(1, 4 * SIZE));
    let short = origin.serve("/short", Resource::pattern(2, 100_000));
    let hog = service.get(&manager, &long, "long").await;
    // It has every place, and keeps them since they pay.
    origin.until(|seen| seen.len() >= 4).await;
    until_it(&hog, |info| info.bytes_transferred > 8 << 20).await;
    let job = service.get(&manager, &short, "short").await;
    until(&job, &[JobState::Transferred]).await;
    let info = hog.info().await.unwrap();
    assert_eq!((info.state, info.error_count), (JobState::Transferring, 0));
    hog.cancel().await.unwrap();
    job.complete().await.unwrap();
}
