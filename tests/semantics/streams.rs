//! Downloads into streams, over the bus of a real service (docs/semantics.md, section 7, 7.10 to 7.14).

use std::{
    fs::File,
    io::{PipeReader, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use bgcopy::{
    Download, DownloadCallback, DownloadProperty, DownloadState, DownloadStatus, DownloadValue,
    ErrorName, HResult, Manager,
};
use bgcopy_testkit::faulty::{Cut, Fault, Origin, Resource, Version};

use crate::{
    downloads::{ranges, refused, until, until_it},
    support::{PATIENCE, Service},
};
use DownloadState::{Aborted, Created, Finalized, Paused, Transferred, Transferring};

pub(crate) const SINK_SET: (ErrorName, HResult) = (ErrorName::SinkAlreadySet, HResult(0x80D0_2019));
pub(crate) const NO_SINK: (ErrorName, HResult) = (ErrorName::NoSink, HResult(0x80D0_2018));
const BROKEN: HResult = HResult(0x8007_006D);
const CHANGED: HResult = HResult(0x8020_0073);
const NO_RANGES: HResult = HResult(0x80D0_5011);

/// What comes out of a stream, on a thread of its own.
struct Reader {
    taken: Arc<Mutex<Vec<u8>>>,
    thread: std::thread::JoinHandle<()>,
}

impl Reader {
    fn of(mut end: impl Read + Send + 'static) -> Self {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let into = taken.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 100_000];
            while let count @ 1.. = end.read(&mut buffer).unwrap() {
                into.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { taken, thread }
    }

    async fn until(&self, wanted: impl Fn(&[u8]) -> bool) {
        let ends = tokio::time::Instant::now() + PATIENCE;
        while !wanted(&self.taken.lock().unwrap()) {
            let count = self.taken.lock().unwrap().len();
            let now = tokio::time::Instant::now();
            assert!(
                now < ends,
                "the reader has {count} bytes and gets no others"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// All of it, once the service has closed the stream.
    async fn all(self) -> Vec<u8> {
        let ends = tokio::time::Instant::now() + PATIENCE;
        while !self.thread.is_finished() {
            let now = tokio::time::Instant::now();
            assert!(now < ends, "the stream is not closed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.thread.join().unwrap();
        std::mem::take(&mut *self.taken.lock().unwrap())
    }
}

/// A download in the foreground of this URL, without a place to write to.
pub(crate) async fn bare(manager: &Manager, url: &str) -> Download {
    let download = manager.create_download().await.unwrap();
    download.set_uri(url).await.unwrap();
    download.set_foreground(true).await.unwrap();
    download
}

pub(crate) async fn into_pipe(manager: &Manager, url: &str) -> (Download, PipeReader) {
    let download = bare(manager, url).await;
    let (reader, writer) = std::io::pipe().unwrap();
    download.set_stream(writer).await.unwrap();
    (download, reader)
}

async fn failed(download: &Download) -> HResult {
    let status = until_it(download, |status| status.error.is_some()).await;
    assert_eq!(status.state, Paused);
    status.error.unwrap()
}

fn content(length: u32) -> Vec<u8> {
    // Of no period that a buffer has.
    (0..length)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect()
}

#[tokio::test]
async fn s7_10_bytes_come_in_order_set_after_set_and_there_is_no_file() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(3_000_000);
    let url = origin.serve("/file", Resource::new(content.clone()));
    let mut downloads = Vec::new();
    for is_socket in [false, true] {
        let download = bare(&manager, &url).await;
        let reader = if is_socket {
            let (reader, writer) = UnixStream::pair().unwrap();
            download.set_stream(writer).await.unwrap();
            Reader::of(reader)
        } else {
            let (reader, writer) = std::io::pipe().unwrap();
            download.set_stream(writer).await.unwrap();
            Reader::of(reader)
        };
        downloads.push((download, reader));
    }
    for (download, reader) in downloads {
        let is_set = download.property(DownloadProperty::StreamInterface).await;
        assert_eq!(is_set.unwrap(), Some(DownloadValue::Flag(true)));
        let mut expected = Vec::new();
        for (offset, length) in [(2_000_000, 900_000), (7, 5), (0, u64::MAX)] {
            let set = [(offset, length), (offset + 1_000_000, 2)];
            let set = ranges(if length == 5 { &set } else { &set[..1] });
            download.start_ranges(&set).await.unwrap();
            for range in &set {
                let rest = &content[usize::try_from(range.offset).unwrap()..];
                let length = usize::try_from(range.length).unwrap().min(rest.len());
                expected.extend_from_slice(&rest[..length]);
            }
            let status = until(&download, Transferred).await;
            let total = expected.len() as u64;
            assert_eq!(status.bytes_transferred, total);
            assert_eq!(status.bytes_total, Some(total));
            reader.until(|taken| taken.len() == expected.len()).await;
            assert!(!reader.thread.is_finished(), "another set may follow");
        }
        download.finalize().await.unwrap();
        assert!(reader.all().await == expected, "other bytes");
        let is_set = download.property(DownloadProperty::StreamInterface).await;
        assert_eq!(is_set.unwrap(), None);
    }
    let (aborted, reader) = into_pipe(&manager, &url).await;
    aborted.abort().await.unwrap();
    assert!(Reader::of(reader).all().await.is_empty());
    let files = std::fs::read_dir(service.downloads()).unwrap();
    assert_eq!(files.count(), 0, "nothing is a file");
}

#[tokio::test]
async fn s7_11_breaks_at_any_byte_leave_no_gap_and_repeat_nothing() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(1_500_000);
    let mut downloads = Vec::new();
    for (number, cut) in [1, 4_095, 65_536, 65_537, 131_073, 777_777, 1_499_999]
        .into_iter()
        .enumerate()
    {
        let how = if number % 2 == 0 {
            Cut::Fin
        } else {
            Cut::Reset
        };
        let resource = Resource::new(content.clone())
            .on_request(1, Fault::CutAfter(cut, how))
            .on_request(2, Fault::CutAfter(cut / 3, Cut::Fin));
        let path = format!("/{number}");
        let url = origin.serve(&path, resource);
        let (download, reader) = into_pipe(&manager, &url).await;
        download.start().await.unwrap();
        downloads.push((download, Reader::of(reader), path));
    }
    for (download, reader, path) in downloads {
        until(&download, Transferred).await;
        download.finalize().await.unwrap();
        assert!(reader.all().await == content, "{path}: other bytes");
        assert!(origin.requests_for(&path).len() >= 2, "it was not cut");
    }
}

#[tokio::test]
async fn s7_11_pause_and_start_go_on_behind_the_last_byte_that_was_taken() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(2_000_000);
    let resource = Resource::new(content.clone()).on_request(1, Fault::HoldAfter(700_000));
    let url = origin.serve("/file", resource);
    let (download, reader) = into_pipe(&manager, &url).await;
    let reader = Reader::of(reader);
    download.start().await.unwrap();
    reader.until(|taken| taken.len() == 700_000).await;
    download.pause().await.unwrap();
    let again = download.set_stream(std::io::pipe().unwrap().1).await;
    assert_eq!(refused(again), SINK_SET, "the one it has is read");
    download.start().await.unwrap();
    until(&download, Transferred).await;
    download.finalize().await.unwrap();
    assert!(reader.all().await == content, "other bytes");
    let ranges = origin.requests_for("/file");
    let ranges: Vec<_> = ranges.iter().map(|seen| seen.range.as_deref()).collect();
    assert_eq!(ranges, [None, Some("bytes=700000-")]);
}

#[tokio::test]
async fn s7_11_an_origin_that_cannot_go_on_ends_in_an_error_and_never_in_mixed_bytes() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(400_000);
    let cut = || Resource::new(content.clone()).on_request(1, Fault::CutAfter(100_000, Cut::Fin));
    let other = Version::of(vec![7; 400_000]);
    let cases = [
        (cut().from_request(2, Fault::Become(other)), CHANGED),
        (cut().always(Fault::NoRanges), NO_RANGES),
        (cut().no_validators(), NO_RANGES),
    ];
    let mut downloads = Vec::new();
    for (number, (resource, error)) in cases.into_iter().enumerate() {
        let url = origin.serve(&format!("/{number}"), resource);
        let (download, reader) = into_pipe(&manager, &url).await;
        download.start().await.unwrap();
        downloads.push((download, Reader::of(reader), error));
    }
    for (download, reader, error) in downloads {
        assert_eq!(failed(&download).await, error);
        assert!(download.error_description().await.unwrap().is_some());
        // Nor does another Start change that, as long as the origin is as it is.
        download.start().await.unwrap();
        assert_eq!(failed(&download).await, error);
        download.abort().await.unwrap();
        assert!(reader.all().await == content[..100_000], "other bytes");
    }
}

/// Notes in which states a download was.
struct States(Arc<Mutex<Vec<DownloadState>>>);

impl DownloadCallback for States {
    async fn status_changed(&self, _: Download, status: DownloadStatus) {
        self.0.lock().unwrap().push(status.state);
    }
}

/// Waits until the origin has got rid of no other byte for a second.
async fn until_it_rests(origin: &Origin) -> u64 {
    let ends = tokio::time::Instant::now() + PATIENCE;
    let (mut before, mut quiet) = (u64::MAX, 0);
    while quiet < 10 {
        assert!(tokio::time::Instant::now() < ends, "it goes on and on");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sent = origin.bytes_sent();
        quiet = if sent == before && sent > 0 {
            quiet + 1
        } else {
            0
        };
        before = sent;
    }
    before
}

/// Memory of a process, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib << 10
}

#[tokio::test]
async fn s7_12_a_reader_that_takes_nothing_stops_the_origin_and_no_timeout_counts() {
    const SIZE: u64 = 128 << 20;
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(5, SIZE);
    let (expected, url) = (resource.body().clone(), origin.serve("/file", resource));
    let before = resident(service.pid());
    let (download, reader) = into_pipe(&manager, &url).await;
    download.start().await.unwrap();
    let sent = until_it_rests(&origin).await;
    // The rest is in the kernel's buffers of the connection.
    assert!(sent < SIZE / 4, "{sent} bytes were taken from the origin");
    let status = download.status().await.unwrap();
    assert!(status.bytes_transferred <= 1 << 20, "{status:?}");
    let grown = resident(service.pid()).saturating_sub(before);
    assert!(grown < SIZE / 4, "the service has grown by {grown} bytes");
    // Twice the stall timeout of this service's configuration.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let status = download.status().await.unwrap();
    assert_eq!(
        (status.state, status.error, status.extended_error),
        (Transferring, None, None)
    );
    let reader = Reader::of(reader);
    until(&download, Transferred).await;
    download.finalize().await.unwrap();
    assert!(reader.all().await == expected.to_vec(), "other bytes");
    assert_eq!(origin.requests_for("/file").len(), 1);
}

#[tokio::test]
async fn s7_12_while_a_reader_takes_nothing_calls_work() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(30_000_000);
    let url = origin.serve("/file", Resource::new(content.clone()));
    for is_socket in [false, true] {
        let download = bare(&manager, &url).await;
        let reader: OwnedFd = if is_socket {
            let (reader, writer) = UnixStream::pair().unwrap();
            download.set_stream(writer).await.unwrap();
            reader.into()
        } else {
            let (reader, writer) = std::io::pipe().unwrap();
            download.set_stream(writer).await.unwrap();
            reader.into()
        };
        download.start().await.unwrap();
        let within = |call| tokio::time::timeout(PATIENCE, call);
        until_it(&download, |status| status.bytes_transferred > 0).await;
        within(download.pause()).await.unwrap().unwrap();
        assert_eq!(download.status().await.unwrap().state, Paused);
        download.start().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        within(download.pause()).await.unwrap().unwrap();
        download.start().await.unwrap();
        let mut first = vec![0; 2_000_000];
        let mut reader = File::from(reader);
        let read = tokio::task::spawn_blocking(move || {
            reader.read_exact(&mut first).unwrap();
            (first, reader)
        });
        let (first, reader) = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(first == content[..2_000_000], "other bytes");
        tokio::time::timeout(PATIENCE, download.abort())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(download.status().await.unwrap().state, Aborted);
        let rest = Reader::of(reader).all().await;
        assert!(content[2_000_000..].starts_with(&rest), "other bytes");
    }
}

#[tokio::test]
async fn s7_12_an_origin_that_does_not_wait_for_the_reader_is_asked_for_the_rest() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(3_000_000);
    let mut downloads = Vec::new();
    for how in [Cut::Fin, Cut::Reset] {
        let resource = Resource::new(content.clone());
        let resource = resource.on_request(1, Fault::CutAfter(1_000_000, how));
        let path = format!("/{how:?}");
        let url = origin.serve(&path, resource);
        let (download, reader) = into_pipe(&manager, &url).await;
        let states = Arc::default();
        let told = States(Arc::clone(&states));
        download.set_status_interface(told).await.unwrap();
        download.start().await.unwrap();
        downloads.push((download, reader, states, path));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    for (download, reader, states, path) in downloads {
        let reader = Reader::of(reader);
        until(&download, Transferred).await;
        download.finalize().await.unwrap();
        assert!(reader.all().await == content, "{path}: other bytes");
        assert_eq!(origin.requests_for(&path).len(), 2, "{path}");
        let states = states.lock().unwrap();
        assert!(
            !states.contains(&Paused),
            "{path}: it is no trouble: {states:?}"
        );
    }
}

#[tokio::test]
async fn s7_13_a_reader_that_closes_pauses_the_download_and_another_begins_with_the_set() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(2_000_000);
    let url = origin.serve("/file", Resource::new(content.clone()));
    for is_socket in [false, true] {
        let download = bare(&manager, &url).await;
        let reader: OwnedFd = if is_socket {
            let (reader, writer) = UnixStream::pair().unwrap();
            download.set_stream(writer).await.unwrap();
            reader.into()
        } else {
            let (reader, writer) = std::io::pipe().unwrap();
            download.set_stream(writer).await.unwrap();
            reader.into()
        };
        download.start_ranges(&ranges(&[(9, 1_000)])).await.unwrap();
        until(&download, Transferred).await;
        download.start().await.unwrap();
        until_it(&download, |status| status.bytes_transferred > 1_000).await;
        drop(reader);
        assert_eq!(failed(&download).await, BROKEN);
        let text = download.error_description().await.unwrap().unwrap();
        assert!(text.contains("reader"), "{text}");
        assert_eq!(refused(download.start().await), NO_SINK);
        let is_set = download.property(DownloadProperty::StreamInterface).await;
        assert_eq!(is_set.unwrap(), None);

        let (reader, writer) = std::io::pipe().unwrap();
        download.set_stream(writer).await.unwrap();
        assert_eq!(download.status().await.unwrap().bytes_transferred, 1_000);
        let reader = Reader::of(reader);
        download.start().await.unwrap();
        let status = until(&download, Transferred).await;
        assert_eq!(status.bytes_transferred, 2_001_000);
        download.finalize().await.unwrap();
        assert!(reader.all().await == content, "other bytes");
    }
    // One that goes while nothing is written is found out when another is handed over.
    let (download, reader) = into_pipe(&manager, &url).await;
    drop(reader);
    let (reader, writer) = std::io::pipe().unwrap();
    download.set_stream(writer).await.unwrap();
    let reader = Reader::of(reader);
    download.start().await.unwrap();
    until(&download, Transferred).await;
    download.finalize().await.unwrap();
    assert!(reader.all().await == content, "other bytes");
}

#[tokio::test]
async fn s7_14_a_stream_outlives_its_client_and_ends_with_the_service() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content = content(3_000_000);
    let resource = Resource::new(content.clone());
    let url = origin.serve("/file", resource.on_request(2, Fault::HoldAfter(1_000_000)));
    let (download, reader) = into_pipe(&manager, &url).await;
    let reader = Reader::of(reader);
    let first = ranges(&[(100, 50_000)]);
    download.start_ranges(&first).await.unwrap();
    until(&download, Transferred).await;
    download.start().await.unwrap();
    let id = download.id();
    drop((download, manager));
    // The connection is gone; bytes still come.
    reader.until(|taken| taken.len() == 1_050_000).await;
    let (idle, held) = into_pipe(&service.manager().await, &url).await;
    service.kill();
    let taken = reader.all().await;
    assert!(taken[..50_000] == content[100..50_100], "other bytes");
    assert!(
        taken[50_000..] == content[..taken.len() - 50_000],
        "other bytes"
    );
    drop(held);

    service.launch(&[]);
    let manager = service.manager().await;
    let (download, idle) = (manager.download(id), manager.download(idle.id()));
    assert_eq!(idle.status().await.unwrap().state, Created);
    assert_eq!(refused(idle.start().await), NO_SINK);
    let status = until_it(&download, |status| status.error.is_some()).await;
    assert_eq!((status.state, status.error), (Paused, Some(NO_SINK.1)));
    assert_eq!(status.bytes_transferred, 50_000, "the first set alone");
    assert_eq!(refused(download.start().await), NO_SINK);
    let (reader, writer) = std::io::pipe().unwrap();
    download.set_stream(writer).await.unwrap();
    let reader = Reader::of(reader);
    origin.release();
    download.start().await.unwrap();
    until(&download, Transferred).await;
    reader.until(|taken| taken.len() == content.len()).await;

    // What is transferred is so after a restart too, and a new stream is there for the next set.
    service.kill();
    assert!(reader.all().await == content, "other bytes");
    service.launch(&[]);
    let manager = service.manager().await;
    let download = manager.download(id);
    assert_eq!(download.status().await.unwrap().state, Transferred);
    let next = ranges(&[(7, 3)]);
    assert_eq!(refused(download.start_ranges(&next).await), NO_SINK);
    let (reader, writer) = std::io::pipe().unwrap();
    download.set_stream(writer).await.unwrap();
    download.start_ranges(&next).await.unwrap();
    let status = until(&download, Transferred).await;
    assert_eq!(status.bytes_transferred, 3_050_003);
    download.finalize().await.unwrap();
    assert_eq!(Reader::of(reader).all().await, content[7..10]);
    assert_eq!(download.status().await.unwrap().state, Finalized);
}
