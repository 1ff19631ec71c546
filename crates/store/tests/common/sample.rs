//! Plain records for tests.

use std::{path::Path, sync::Arc, time::Duration};

use bgcopy_model::{
    ClientContext, Due, Extent, FilePhase, FileRecord, Header, HttpOptions, JobId, JobPhase,
    JobRecord, Moment, Naming, NotifyFlags, Owner, PeerCaching, Priority, Profile,
    ProxyEnvironment, Sink, Spent, Timestamp, TransferPolicy, Validator,
};
use url::Url;

/// A queued job of usual size.
pub fn job(n: u128) -> JobRecord {
    JobRecord {
        id: JobId::from_u128(n),
        owner: Owner { uid: 1000 },
        profile: Profile::Bits,
        name: format!("job {n}"),
        description: "a description of ordinary length".to_owned(),
        priority: Priority::Normal,
        auto_complete: false,
        notify_flags: NotifyFlags::default(),
        due: Due::default(),
        notify_command: Vec::new(),
        activation: None,
        minimum_retry_delay: Duration::from_mins(10),
        no_progress_timeout: Duration::from_hours(336),
        maximum_download_time: JobRecord::MAXIMUM_DOWNLOAD_TIME,
        download_time: Duration::ZERO,
        transfer_policy: TransferPolicy::default(),
        peer_caching: PeerCaching::default(),
        headers: vec![Header {
            name: "Authorization".to_owned(),
            value: "Bearer 0123456789abcdef".to_owned(),
        }],
        http: HttpOptions::default(),
        context: ClientContext {
            umask: 0o022,
            proxies: ProxyEnvironment::default(),
        },
        phase: JobPhase::Queued,
        error_count: 0,
        fruitless_tries: 0,
        created: Timestamp(1_700_000_000_000_000),
        modified: Timestamp(1_700_000_000_000_000),
        transferred_at: None,
        born: Moment(1),
        last_progress: Moment(1),
        download: None,
    }
}

/// A file of usual size, with bytes.
///
/// # Panics
/// Never: the URL is one.
pub fn file(index: u32) -> FileRecord {
    let url = format!("https://downloads.example.org/pool/main/b/bgcopy/part-{index:06}.deb");
    FileRecord {
        index,
        url: Arc::new(Url::parse(&url).expect("this is a URL")),
        mirrors: vec![],
        found_at: None,
        path: Path::new(&format!(
            "/home/someone/Downloads/a folder/part-{index:06}.deb"
        ))
        .into(),
        naming: Naming::Given,
        sink: Sink::File,
        folder: None,
        temporary: format!(".part-{index:06}.deb.0123456789abcdef.bgcopy").into(),
        ranges: vec![],
        checksum: None,
        size: Some(1 << 30),
        validator: Validator {
            etag: Some(format!("\"{index:x}-5e1f0b3c2a940\"")),
            last_modified: Some("Tue, 15 Nov 1994 12:45:26 GMT".to_owned()),
            last_modified_strong: true,
            size: Some(1 << 30),
            elsewhere: false,
            digest: None,
        },
        modified: Some(Timestamp(784_903_526_000_000)),
        durable: [Extent::new(0, 64 << 20)].into_iter().collect(),
        restarts: 0,
        is_valid: false,
        spent: Spent {
            bytes: 65 << 20,
            requests: 2,
            time: Duration::from_secs(7),
        },
        notify_due: false,
        phase: FilePhase::Pending,
    }
}
