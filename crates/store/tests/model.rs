//! The store against a plain model of it: random batches, opened anew at random points.

mod common;

use std::{
    ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf, sync::Arc, time::Duration,
};

use bgcopy_model::{
    AuthScheme, AuthTarget, ByteRange, ClientContext, ClockAnchor, Condition, Credential,
    DownloadProperty, DownloadRecord, DownloadValue, Due, Extent, FilePhase, FileRecord, Header,
    HttpOptions, Inode, JobError, JobId, JobPhase, JobRecord, JobState, Mirror, Moment, Mutation,
    Naming, NotifyFlags, Owner, PeerCaching, Priority, Profile, ProxyEnvironment, ProxySettings,
    ProxyUsage, SecurityFlags, Sink, Spent, Timestamp, TransferPolicy, Validator,
};
use bgcopy_store::{Store, StoreError};
use common::{Model, open_soon, runtime};
use proptest::{collection::vec, option, prelude::*};
use url::Url;

/// One thing that a daemon does with its queue.
#[derive(Clone, Debug)]
enum Step {
    /// Batches handed over without waiting in between.
    Commit(Vec<Vec<Mutation>>),
    /// An orderly end and a start.
    Close,
    /// An end without a call, and a start.
    Drop,
}

/// Few, so that batches meet.
fn job_id() -> impl Strategy<Value = JobId> {
    (0u128..4).prop_map(|n| JobId::from_u128(n << 120 | n))
}

fn delay() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn error() -> impl Strategy<Value = JobError> {
    let condition = prop_oneof![
        any::<u16>().prop_map(Condition::HttpStatus),
        Just(Condition::AccessDenied),
    ];
    (condition, any::<Option<u32>>(), any::<String>()).prop_map(|(condition, file, detail)| {
        JobError {
            condition,
            file,
            detail,
        }
    })
}

fn job_phase() -> impl Strategy<Value = JobPhase> {
    let moment = || any::<u64>().prop_map(Moment);
    prop_oneof![
        Just(JobPhase::Suspended),
        Just(JobPhase::Queued),
        Just(JobPhase::Connecting),
        Just(JobPhase::Transferring),
        Just(JobPhase::Transferred),
        (error(), moment())
            .prop_map(|(error, retry_at)| JobPhase::TransientError { error, retry_at }),
        error().prop_map(|error| JobPhase::Error { error }),
        (0u32..9).prop_map(|code| JobPhase::Completing {
            shown: JobState::from_code(code).unwrap()
        }),
        (moment(), any::<bool>()).prop_map(|(at, partial)| JobPhase::Acknowledged { at, partial }),
        moment().prop_map(|at| JobPhase::Cancelled { at }),
    ]
}

fn file_phase() -> impl Strategy<Value = FilePhase> {
    prop_oneof![
        Just(FilePhase::Pending),
        any::<(bool, Option<(u64, u64)>)>().prop_map(|(length_unverified, inode)| {
            FilePhase::Transferred {
                length_unverified,
                inode: inode.map(|(device, number)| Inode { device, number }),
            }
        }),
        Just(FilePhase::Published),
        Just(FilePhase::Dropped),
    ]
}

fn http_options() -> impl Strategy<Value = HttpOptions> {
    let flags = prop::sample::select(vec![0_u32, 0x100, 0x200, 0x800, 0x900]);
    let login = any::<(bool, bool, String, String)>();
    (flags, any::<bool>(), vec(login, 0..3)).prop_map(|(flags, has_proxy, logins)| HttpOptions {
        security: SecurityFlags::from_bits(flags).unwrap(),
        proxy: if has_proxy {
            let list = ["http://u:p@proxy:3128".to_owned()];
            ProxySettings::new(ProxyUsage::Override, &list, vec!["*.local".into()]).unwrap()
        } else {
            ProxySettings::default()
        },
        credentials: logins
            .into_iter()
            .filter_map(|(for_proxy, digest, user, password)| {
                let target = if for_proxy {
                    AuthTarget::Proxy
                } else {
                    AuthTarget::Server
                };
                let scheme = if digest {
                    AuthScheme::Digest
                } else {
                    AuthScheme::Basic
                };
                Credential::new(target, scheme, user, password).ok()
            })
            .collect(),
    })
}

/// With values of every kind, whether they fit their properties or not.
fn download_record() -> impl Strategy<Value = DownloadRecord> {
    let value = prop_oneof![
        any::<String>().prop_map(DownloadValue::Text),
        any::<u32>().prop_map(DownloadValue::Number),
        any::<bool>().prop_map(DownloadValue::Flag),
        any::<u64>().prop_map(DownloadValue::Size),
        vec(any::<u8>(), 0..4).prop_map(DownloadValue::Bytes),
    ];
    let property = (0..DownloadProperty::ALL.len()).prop_map(|at| DownloadProperty::ALL[at]);
    proptest::collection::btree_map(property, value, 0..6)
        .prop_map(|properties| DownloadRecord { properties })
}

prop_compose! {
    fn job_record()(
        id in job_id(),
        (uid, umask) in any::<(u32, u32)>(),
        (name, description) in any::<(String, String)>(),
        (bits, auto_complete, priority, flags) in (any::<bool>(), any::<bool>(), 0usize..4, 0u32..32),
        (transferred, error) in any::<(bool, bool)>(),
        notify_command in vec(any::<String>(), 0..3),
        activation in any::<Option<String>>(),
        minimum_retry_delay in delay(),
        no_progress_timeout in delay(),
        (maximum_download_time, download_time) in (delay(), delay()),
        (policy, peers) in (0u32..256, 0u32..4),
        headers in vec(any::<(String, String)>(), 0..3),
        requests in http_options(),
        (http, https, all, no) in any::<(Option<String>, Option<String>, Option<String>, Option<String>)>(),
        phase in job_phase(),
        (error_count, fruitless_tries) in any::<(u32, u32)>(),
        (created, modified, transferred_at) in any::<(u64, u64, Option<u64>)>(),
        (born, last_progress) in any::<(u64, u64)>(),
        download in option::of(download_record()),
    ) -> JobRecord {
        JobRecord {
            id,
            owner: Owner { uid },
            profile: if bits { Profile::Bits } else { Profile::Do },
            name,
            description,
            priority: Priority::ALL[priority],
            auto_complete,
            notify_flags: NotifyFlags::from_bits(flags).unwrap(),
            due: Due { transferred, error },
            notify_command,
            activation,
            minimum_retry_delay,
            no_progress_timeout,
            maximum_download_time,
            download_time,
            transfer_policy: TransferPolicy::from_bits(policy).unwrap(),
            peer_caching: PeerCaching::from_bits(peers).unwrap(),
            headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
            http: requests,
            context: ClientContext { umask, proxies: ProxyEnvironment { http, https, all, no } },
            phase,
            error_count,
            fruitless_tries,
            created: Timestamp(created),
            modified: Timestamp(modified),
            transferred_at: transferred_at.map(Timestamp),
            born: Moment(born),
            last_progress: Moment(last_progress),
            download: download.map(Box::new),
        }
    }
}

prop_compose! {
    fn file_record()(
        index in prop_oneof![0u32..6, Just(u32::MAX)],
        url in "[ -~é]{0,40}",
        found_at: bool,
        path in vec(1u8.., 1..40),
        naming in prop_oneof![Just(Naming::Given), Just(Naming::Pending), Just(Naming::Chosen)],
        sink in prop_oneof![Just(Sink::File), any::<u64>().prop_map(|set| Sink::Stream { set })],
        folder in option::of(any::<(u64, u64)>()),
        temporary: String,
        ranges in vec(any::<(u64, u64)>(), 0..4),
        (checksum, digest) in (option::of("sha256:[0-9a-f]{64}"), option::of("sha256:[0-9a-f]{64}")),
        (size, modified, restarts) in any::<(Option<u64>, Option<u64>, u32)>(),
        (etag, last_modified, last_modified_strong, remote) in any::<(Option<String>, Option<String>, bool, Option<u64>)>(),
        durable in vec((any::<u64>(), any::<u64>()), 0..4),
        (notify_due, is_valid, elsewhere) in any::<(bool, bool, bool)>(),
        mirrors in vec(any::<u32>(), 0..3),
        (bytes, requests, time) in (any::<u64>(), any::<u64>(), delay()),
        phase in file_phase(),
    ) -> FileRecord {
        let mut address = Url::parse("https://user:word@example.org/").unwrap();
        address.set_path(&url);
        address.set_query(Some(&url));
        FileRecord {
            index,
            url: Arc::new(address),
            mirrors: mirrors
                .into_iter()
                .map(|priority| Mirror { url: Url::parse("https://u:p@mirror.example.org/é").unwrap(), priority })
                .collect(),
            found_at: found_at.then(|| Box::new(Url::parse("https://mirror.example.org/é").unwrap())),
            path: PathBuf::from(OsString::from_vec(path)).into(),
            naming,
            sink,
            folder: folder.map(|(device, number)| Inode { device, number }),
            temporary: temporary.into(),
            ranges: ranges.into_iter().map(|(offset, length)| ByteRange { offset, length }).collect(),
            checksum: checksum.map(|text| Box::new(text.parse().unwrap())),
            size,
            validator: Validator {
                etag,
                last_modified,
                last_modified_strong,
                size: remote,
                elsewhere,
                digest: digest.map(|text| Box::new(text.parse().unwrap())),
            },
            modified: modified.map(Timestamp),
            durable: durable.into_iter().map(|(start, end)| Extent::new(start, end)).collect(),
            restarts,
            is_valid,
            spent: Spent { bytes, requests, time },
            notify_due,
            phase,
        }
    }
}

prop_compose! {
    fn anchor()(boot_id: String, boottime: u64, wall: u64, moment: u64) -> ClockAnchor {
        ClockAnchor { boot_id, boottime, wall: Timestamp(wall), moment: Moment(moment) }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => job_record().prop_map(|job| Mutation::PutJob(Box::new(job))),
        4 => (job_id(), vec(file_record(), 0..5)).prop_map(|(id, files)| Mutation::PutFiles(id, files.into_iter().map(Arc::new).collect())),
        1 => job_id().prop_map(Mutation::Forget),
        1 => anchor().prop_map(Mutation::PutAnchor),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => vec(vec(mutation(), 0..4), 1..5).prop_map(Step::Commit),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
    ]
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path()).unwrap();
    let mut model = Model::default();
    for step in steps.into_iter().chain([Step::Close]) {
        let restored = match step {
            Step::Commit(batches) => {
                let answers: Vec<_> = batches.iter().map(|b| store.commit(b.clone())).collect();
                for (batch, answer) in batches.iter().zip(answers) {
                    let answer = match answer.await {
                        Ok(()) => Ok(()),
                        Err(StoreError::UnknownJob(id)) => Err(id),
                        Err(other) => return Err(TestCaseError::fail(other.to_string())),
                    };
                    prop_assert_eq!(answer, model.apply(batch));
                }
                continue;
            }
            Step::Close => {
                store.close().await.unwrap();
                let opened = Store::open(folder.path()).unwrap();
                store = opened.0;
                opened.1
            }
            Step::Drop => {
                drop(store);
                let opened = open_soon(folder.path());
                store = opened.0;
                opened.1
            }
        };
        prop_assert_eq!(&Model::from(restored), &model);
    }
    store.close().await.unwrap();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_a_plain_model_holds_however_often_it_is_opened(steps in vec(step(), 1..20)) {
        runtime().block_on(run(steps))?;
    }
}

#[test]
fn a_delay_too_long_for_its_column_is_kept_as_the_longest() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let mut job = common::sample::job(1);
        job.no_progress_timeout = Duration::MAX;
        store
            .commit(vec![Mutation::PutJob(Box::new(job))])
            .await
            .unwrap();
        store.close().await.unwrap();
        let (_, restored) = Store::open(folder.path()).unwrap();
        let kept = restored.jobs[0].0.no_progress_timeout;
        assert_eq!(kept, Duration::from_nanos(u64::MAX));
    });
}
