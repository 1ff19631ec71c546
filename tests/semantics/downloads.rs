//! Downloads, the contract's second surface, over the bus of a real service (docs/semantics.md, section 7).

use std::{sync::Arc, time::Duration};

use crate::support::{PATIENCE, Service, sha256};
use bgcopy::{
    ByteRange, Download, DownloadCallback, DownloadProperty, DownloadState, DownloadStatus,
    DownloadValue, Error, ErrorName, HResult, Manager,
};
use bgcopy_testkit::faulty::{Cut, Fault, Origin, Resource};
use tokio::sync::{Notify, mpsc};

use DownloadState::{Aborted, Created, Finalized, Paused, Transferred, Transferring};

/// A download in the foreground of this URL to this name, Created.
async fn prepared(service: &Service, manager: &Manager, url: &str, name: &str) -> Download {
    let download = manager.create_download().await.unwrap();
    download.set_uri(url).await.unwrap();
    download.set_local_path(service.file(name)).await.unwrap();
    download.set_foreground(true).await.unwrap();
    download
}

/// Waits until a download is as wanted.
async fn until_it(download: &Download, wanted: impl Fn(&DownloadStatus) -> bool) -> DownloadStatus {
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let status = download.status().await.unwrap();
        if wanted(&status) {
            return status;
        }
        let now = tokio::time::Instant::now();
        assert!(now < ends, "the download stays as it is: {status:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until(download: &Download, state: DownloadState) -> DownloadStatus {
    until_it(download, |status| status.state == state).await
}

fn refused(result: Result<impl Sized, Error>) -> (ErrorName, HResult) {
    match result {
        Err(Error::Service { name, hresult, .. }) => (name, hresult),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it is allowed"),
    }
}

fn ranges(list: &[(u64, u64)]) -> Vec<ByteRange> {
    let range = |&(offset, length): &(u64, u64)| ByteRange { offset, length };
    list.iter().map(range).collect()
}

const INVALID_STATE: (ErrorName, HResult) = (ErrorName::InvalidState, HResult(0x80D0_2013));

/// A download in this state, whose next request gets no byte that would lead it out of what the test looks at.
async fn in_state(
    service: &Service,
    manager: &Manager,
    origin: &Origin,
    (state, cell): (DownloadState, usize),
) -> Download {
    let name = format!("{}-{cell}", state.name());
    let resource = Resource::pattern(1, 10_000);
    let resource = match state {
        Transferred | Finalized => resource.from_request(2, Fault::HoldAfter(0)),
        _ => resource.always(Fault::HoldAfter(1_000)),
    };
    let url = origin.serve(&format!("/{name}"), resource);
    let download = prepared(service, manager, &url, &name).await;
    match state {
        Created => {}
        Aborted => download.abort().await.unwrap(),
        Transferring => {
            download.start().await.unwrap();
            until_it(&download, |status| status.bytes_transferred > 0).await;
        }
        Paused => {
            download.start().await.unwrap();
            download.pause().await.unwrap();
        }
        Transferred | Finalized => {
            download.start().await.unwrap();
            until(&download, Transferred).await;
            if state == Finalized {
                download.finalize().await.unwrap();
            }
        }
    }
    assert_eq!(download.status().await.unwrap().state, state);
    download
}

#[tokio::test]
async fn s7_1_each_call_does_in_each_state_what_the_contract_says() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    // Start, Pause, Finalize, Abort: the state afterwards, or `None` for a refusal.
    let table = [
        (
            Created,
            [Some(Transferring), Some(Created), None, Some(Aborted)],
        ),
        (
            Transferring,
            [Some(Transferring), Some(Paused), None, Some(Aborted)],
        ),
        (
            Transferred,
            [
                Some(Transferring),
                Some(Transferred),
                Some(Finalized),
                Some(Aborted),
            ],
        ),
        (
            Paused,
            [Some(Transferring), Some(Paused), None, Some(Aborted)],
        ),
        (Finalized, [None, None, Some(Finalized), None]),
        (Aborted, [None, None, None, Some(Aborted)]),
    ];
    for (state, cells) in table {
        for (cell, after) in cells.into_iter().enumerate() {
            let download = in_state(&service, &manager, &origin, (state, cell)).await;
            let next = ranges(if state == Transferred {
                &[(5, 10)]
            } else {
                &[]
            });
            let result = match cell {
                0 => download.start_ranges(&next).await,
                1 => download.pause().await,
                2 => download.finalize().await,
                _ => download.abort().await,
            };
            let what = format!("{} and call {cell}", state.name());
            match after {
                Some(_) => result.unwrap_or_else(|error| panic!("{what}: {error}")),
                None => assert_eq!(refused(result), INVALID_STATE, "{what}"),
            }
            let status = download.status().await.unwrap();
            assert_eq!(status.state, after.unwrap_or(state), "{what}");
            let visible = service.file(&format!("{}-{cell}", state.name())).exists();
            assert_eq!(visible, status.state == Finalized, "{what}");
            if !status.state.is_final() {
                download.abort().await.unwrap();
            }
        }
    }
    assert_eq!(service.temporary_files(), [""; 0]);
    assert!(manager.downloads(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn s7_2_a_start_without_uri_or_place_is_refused_with_the_contracts_codes() {
    let service = Service::start();
    let manager = service.manager().await;
    let download = manager.create_download().await.unwrap();
    let no_uri = (ErrorName::NoUri, HResult(0x80D0_2200));
    assert_eq!(refused(download.start().await), no_uri);
    download.set_uri("http://127.0.0.1:1/x").await.unwrap();
    let no_sink = (ErrorName::NoSink, HResult(0x80D0_2018));
    assert_eq!(refused(download.start().await), no_sink);
    let missing = service.file("no such folder/x");
    download.set_local_path(missing).await.unwrap();
    let (name, _) = refused(download.start().await);
    assert_eq!(name, ErrorName::FolderMissing);
    assert_eq!(download.status().await.unwrap().state, Created);
}

#[tokio::test]
async fn s7_3_range_sets_are_written_one_after_the_other_and_appear_at_once() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let content: Vec<u8> = (0..20_000_u32).map(|n| (n % 251) as u8).collect();
    let url = origin.serve("/file", Resource::new(content.clone()));
    let download = prepared(&service, &manager, &url, "file").await;
    let mut expected = Vec::new();
    let sets = [
        &[(500, 100), (19_990, u64::MAX), (10, 5)][..],
        &[(550, 20)],
        &[(19_000, u64::MAX)],
        &[(0, 1)],
    ];
    for set in sets {
        download.start_ranges(&ranges(set)).await.unwrap();
        for (offset, length) in set {
            let rest = &content[usize::try_from(*offset).unwrap()..];
            let length = usize::try_from(*length).unwrap().min(rest.len());
            expected.extend_from_slice(&rest[..length]);
        }
        let status = until(&download, Transferred).await;
        let total = expected.len() as u64;
        assert_eq!(status.bytes_transferred, total);
        assert_eq!(status.bytes_total, Some(total));
        assert!(!service.file("file").exists());
    }
    let overlapping = download.start_ranges(&ranges(&[(0, 9), (8, 9)])).await;
    let code = (ErrorName::OverlappingRanges, HResult(0x80D0_5012));
    assert_eq!(refused(overlapping), code);
    let beyond = download.start_ranges(&ranges(&[(19_999, 2)])).await;
    let code = (ErrorName::InvalidRange, HResult(0x80D0_5010));
    assert_eq!(refused(beyond), code);
    download.finalize().await.unwrap();
    assert_eq!(std::fs::read(service.file("file")).unwrap(), expected);
}

#[tokio::test]
async fn s7_3_range_sets_of_an_origin_that_cannot_tell_versions_apart_end_in_an_error() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 2_000).no_validators());
    let download = prepared(&service, &manager, &url, "file").await;
    download.start_ranges(&ranges(&[(500, 9)])).await.unwrap();
    until(&download, Transferred).await;
    download.start_ranges(&ranges(&[(5, 9)])).await.unwrap();
    let status = until_it(&download, |status| status.error.is_some()).await;
    assert_eq!(status.error, Some(HResult(0x80D0_5011)));
    download.abort().await.unwrap();
    assert_eq!(service.temporary_files(), [""; 0]);
}

#[tokio::test]
async fn s7_4_an_error_and_a_trouble_that_passes_are_told_apart() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let missing = prepared(&service, &manager, &origin.url("/missing"), "missing").await;
    missing.start().await.unwrap();
    let status = until_it(&missing, |status| status.error.is_some()).await;
    assert_eq!((status.state, status.extended_error), (Paused, None));
    assert_eq!(status.error, Some(HResult(0x8019_0194)));
    assert!(missing.error_description().await.unwrap().is_some());

    let busy = Resource::pattern(1, 1_000).on_request(1, Fault::status(503));
    let url = origin.serve("/busy", busy);
    let busy = prepared(&service, &manager, &url, "busy").await;
    busy.start().await.unwrap();
    let status = until(&busy, Paused).await;
    let extended = Some(HResult(0x8019_01F7));
    assert_eq!((status.error, status.extended_error), (None, extended));
    until(&busy, Transferred).await;

    let url = origin.serve("/other", Resource::pattern(1, 1_000));
    let other = prepared(&service, &manager, &url, "other").await;
    other.set_total_size(999).await.unwrap();
    other.start().await.unwrap();
    let status = until_it(&other, |status| status.error.is_some()).await;
    assert_eq!(status.error, Some(HResult(0x8020_001B)));
    other.set_total_size(1_000).await.unwrap();
    other.start().await.unwrap();
    until(&other, Transferred).await;
    other.finalize().await.unwrap();
}

#[tokio::test]
async fn s7_5_downloads_are_no_jobs_and_jobs_no_downloads() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let job = manager.create_job("job").create().await.unwrap();
    let download = prepared(&service, &manager, &url, "file").await;
    let jobs = manager.jobs(false).await.unwrap();
    assert_eq!(
        jobs.iter().map(|(it, _)| it.id()).collect::<Vec<_>>(),
        [job.id()]
    );
    let downloads = manager.downloads(false).await.unwrap();
    assert_eq!(
        downloads.iter().map(Download::id).collect::<Vec<_>>(),
        [download.id()]
    );
    assert_eq!(
        refused(manager.job(download.id()).await).0,
        ErrorName::NotFound
    );
    let digits = &download.id().simple().to_string()[..8];
    assert_eq!(refused(manager.find(digits).await).0, ErrorName::NotFound);
    let as_download = manager.download(job.id());
    assert_eq!(refused(as_download.status().await).0, ErrorName::NotFound);
    let said = service.bgcopy(&["list", "--json"]);
    assert!(
        !said.out.contains(&download.id().to_string()),
        "{}",
        said.out
    );
    assert!(said.out.contains(&job.id().to_string()), "{}", said.out);

    let named = |name: &str| DownloadValue::Text(name.to_owned());
    download.set_display_name("image").await.unwrap();
    for (name, count) in [("image", 1), ("imago", 0)] {
        let property = DownloadProperty::DisplayName;
        let found = manager
            .downloads_with(property, &named(name))
            .await
            .unwrap();
        assert_eq!(found.len(), count, "{name}");
    }
}

#[tokio::test]
async fn s7_6_after_a_kill_a_download_goes_on_and_a_volatile_one_is_gone() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(3, 3_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(1_000_000);
    let durable = prepared(&service, &manager, &url, "durable").await;
    let volatile = prepared(&service, &manager, &url, "volatile").await;
    volatile.set_volatile(true).await.unwrap();
    let next = prepared(&service, &manager, &url, "next").await;
    for download in [&durable, &volatile] {
        download.start().await.unwrap();
        until_it(download, |status| status.bytes_transferred >= 900_000).await;
    }
    assert_eq!(service.temporary_files().len(), 2);
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let ids = [durable.id(), next.id()];
    let known = manager.downloads(false).await.unwrap();
    assert_eq!(known.iter().map(Download::id).collect::<Vec<_>>(), ids);
    let gone = manager.download(volatile.id());
    let ends = tokio::time::Instant::now() + PATIENCE;
    while gone.status().await.is_ok() {
        assert!(tokio::time::Instant::now() < ends, "it is still known");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(refused(gone.status().await).0, ErrorName::NotFound);
    let [durable, next] = ids.map(|id| manager.download(id));
    assert_eq!(next.status().await.unwrap().state, Created);
    origin.release();
    until(&durable, Transferred).await;
    durable.finalize().await.unwrap();
    assert_eq!(sha256(&service.file("durable")), expected);
    assert_eq!(service.temporary_files(), [""; 0]);
    assert!(!service.file("volatile").exists());
    // What was set before the kill is set after it.
    next.start().await.unwrap();
    until(&next, Transferred).await;
    next.finalize().await.unwrap();
    assert_eq!(sha256(&service.file("next")), expected);
}

/// Hands every status to the test, after having done what the test wants done inside the call.
struct Teller(mpsc::UnboundedSender<DownloadStatus>);

impl DownloadCallback for Teller {
    async fn status_changed(&self, download: Download, status: DownloadStatus) {
        assert!(download.status().await.is_ok(), "GetStatus inside the call");
        if status.state == Transferring && status.bytes_transferred > 0 {
            download.pause().await.unwrap();
        }
        if status.state == Transferred {
            download.finalize().await.unwrap();
        }
        // A test that is over hears nothing.
        let _ = self.0.send(status);
    }
}

/// Finalizes what is transferred, and hands every status to the test.
struct Finalizer(mpsc::UnboundedSender<DownloadStatus>);

impl DownloadCallback for Finalizer {
    async fn status_changed(&self, download: Download, status: DownloadStatus) {
        if status.state == Transferred {
            download.finalize().await.unwrap();
        }
        let _ = self.0.send(status);
    }
}

#[tokio::test]
async fn s7_7_every_change_and_the_bytes_between_are_told_and_calls_may_be_made_inside() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(3, 1_000_000);
    let url = origin.serve("/file", resource.on_request(1, Fault::HoldAfter(400_000)));
    let download = prepared(&service, &manager, &url, "file").await;
    download
        .set_callback_frequency(10, Duration::ZERO)
        .await
        .unwrap();
    let (heard, mut told) = mpsc::unbounded_channel();
    download.set_status_interface(Teller(heard)).await.unwrap();
    let path = download.property(DownloadProperty::CallbackInterface).await;
    assert!(
        path.is_err(),
        "a path is no value of the client, but it is there"
    );
    download.start().await.unwrap();
    let mut next = async || {
        let told = tokio::time::timeout(PATIENCE, told.recv()).await;
        told.expect("nothing is told").unwrap()
    };
    let first = next().await;
    assert_eq!((first.state, first.bytes_transferred), (Transferring, 0));
    let bytes = next().await;
    assert_eq!(bytes.state, Transferring);
    assert!(bytes.bytes_transferred >= 100_000, "{bytes:?}");
    // The object itself paused it.
    while next().await.state != Paused {}
    origin.release();
    let (heard, mut told) = mpsc::unbounded_channel();
    download
        .set_status_interface(Finalizer(heard))
        .await
        .unwrap();
    download.start().await.unwrap();
    let mut states = Vec::new();
    while states.last() != Some(&Finalized) {
        let told = tokio::time::timeout(PATIENCE, told.recv()).await;
        states.push(told.expect("nothing is told").unwrap().state);
    }
    states.dedup();
    assert_eq!(states, [Paused, Transferring, Transferred, Finalized]);
    assert!(service.file("file").exists());
}

/// Never answers its first call.
struct Hanging(Arc<Notify>);

impl DownloadCallback for Hanging {
    async fn status_changed(&self, _: Download, _: DownloadStatus) {
        self.0.notify_one();
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn s7_8_a_client_that_hangs_in_a_call_holds_up_no_download_and_no_other_call() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let cut = Fault::CutAfter(500, Cut::Fin);
    let url = origin.serve("/file", Resource::pattern(3, 1_000).on_request(1, cut));
    let hung = prepared(&service, &manager, &url, "hung").await;
    let called = Arc::new(Notify::new());
    hung.set_status_interface(Hanging(called.clone()))
        .await
        .unwrap();
    hung.start().await.unwrap();
    tokio::time::timeout(PATIENCE, called.notified())
        .await
        .unwrap();

    let other = prepared(&service, &manager, &url, "other").await;
    let (heard, mut told) = mpsc::unbounded_channel();
    other.set_status_interface(Teller(heard)).await.unwrap();
    other.start().await.unwrap();
    let told = async {
        while told.recv().await.unwrap().state != Finalized {
            // What the object does inside the call may pause it.
            if other.status().await.unwrap().state == Paused {
                let _ = other.start().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
    until(&hung, Transferred).await;
    hung.finalize().await.unwrap();
    assert!(service.file("hung").exists());
}

#[tokio::test]
async fn s7_9_secrets_of_a_download_go_to_the_origin_and_are_never_read_back() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(3, 1_000));
    let url = url.replace("http://", "http://me:hunter2@");
    let download = prepared(&service, &manager, &url, "file").await;
    download.set_headers(&[("X-One", "hunter3")]).await.unwrap();
    download
        .set_auth_headers(&[("X-Two", "hunter4")])
        .await
        .unwrap();
    let smuggled = download.set_headers(&[("X-Three", "a\r\nX-Four: b")]).await;
    assert_eq!(refused(smuggled).0, ErrorName::InvalidArgument);
    for property in DownloadProperty::ALL {
        let read = format!("{:?}", download.property(*property).await);
        assert!(!read.contains("hunter"), "{}: {read}", property.name());
        let is_refused = read.contains("WriteOnlyProperty");
        let is_set = read.contains("Header") || is_refused;
        assert_eq!(is_refused, is_set && property.is_secret(), "{read}");
    }
    download.start().await.unwrap();
    until(&download, Transferred).await;
    let seen = origin.requests_for("/file");
    assert_eq!(seen[0].header("x-one"), Some("hunter3"));
    assert_eq!(seen[0].header("x-two"), Some("hunter4"));
    assert!(seen[0].header("authorization").is_some());
    assert!(!service.log().contains("hunter"));
}
