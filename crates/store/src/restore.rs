//! Reads the whole queue. What cannot be read is set aside by [`crate::quarantine`], job by job, and named.

use std::sync::Arc;

use bgcopy_model::{
    ClientContext, ClockAnchor, Due, FileRecord, JobId, JobRecord, Moment, NotifyFlags, Owner,
    ParseChecksumError, PeerCaching, Priority, Profile, Spent, Timestamp, TransferPolicy,
};
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, types::ValueRef};
use url::Url;

use crate::{
    Restored,
    cells::{Cells, Damage},
    quarantine,
};

/// A job on its way in.
struct Incoming {
    /// Its key in the tables.
    number: i64,
    /// What to call it in a message.
    label: String,
    record: Result<JobRecord, Damage>,
    files: Vec<FileRecord>,
}

/// Reads everything; rows that cannot be read are moved in one transaction.
pub(crate) fn restore(connection: &mut Connection) -> rusqlite::Result<Restored> {
    let mut incoming = read_jobs(connection)?;
    read_files(connection, &mut incoming)?;
    let anchor = read_anchor(connection)?;

    let mut restored = Restored::default();
    let mut aside = Vec::new();
    for job in incoming {
        match job.record {
            Ok(record) => restored.jobs.push((record, job.files)),
            Err(Damage(reason)) => {
                restored
                    .damaged
                    .push(format!("{} cannot be read: {reason}", job.label));
                aside.push((job.number, reason));
            }
        }
    }
    let lost_anchor = match anchor {
        Ok(anchor) => {
            restored.anchor = anchor;
            None
        }
        Err(Damage(reason)) => {
            let sentence = format!("the record of the clocks cannot be read: {reason}");
            restored.damaged.push(sentence);
            Some(reason)
        }
    };
    if !restored.damaged.is_empty() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, reason) in aside {
            quarantine::set_job_aside(&transaction, number, &reason)?;
        }
        if let Some(reason) = lost_anchor {
            quarantine::set_anchor_aside(&transaction, &reason)?;
        }
        transaction.commit()?;
    }
    Ok(restored)
}

const READ_JOBS: &str = "
    SELECT number, id, owner, profile, name, description, priority, auto_complete, notify_flags,
        transferred_due, error_due, notify_command, activation, minimum_retry_delay, no_progress_timeout,
        maximum_download_time, download_time, transfer_policy, peer_caching, headers, secrets.http, umask, proxies, phase, error_count, fruitless_tries,
        created, modified, transferred_at, born, last_progress, record
    FROM jobs LEFT JOIN secrets ON secrets.job = jobs.number LEFT JOIN downloads ON downloads.job = jobs.number
    ORDER BY number";

fn read_jobs(connection: &Connection) -> rusqlite::Result<Vec<Incoming>> {
    let mut statement = connection.prepare(READ_JOBS)?;
    let mut rows = statement.query([])?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        let mut cells = Cells::new(row);
        let record = cells.number().and_then(|_| read_job(&mut cells));
        let label = match &record {
            Ok(job) => format!("job {}", job.id),
            Err(_) => match Cells::at(row, 1).take(job_id) {
                Ok(id) => format!("job {id}"),
                Err(_) => format!("job number {number}"),
            },
        };
        jobs.push(Incoming {
            number,
            label,
            record,
            files: Vec::new(),
        });
    }
    Ok(jobs)
}

/// In the order of `READ_JOBS`, from `id` on.
fn read_job(cells: &mut Cells<'_>) -> Result<JobRecord, Damage> {
    // A literal's fields are evaluated as they are written, which is why these are in the order of the columns.
    Ok(JobRecord {
        id: cells.take(job_id)?,
        owner: Owner {
            uid: cells.small()?,
        },
        profile: cells.take(|value| {
            let name = value.as_str().map_err(|e| e.to_string())?;
            Profile::from_name(name).ok_or_else(|| format!("{name:?} is no profile"))
        })?,
        name: cells.text()?,
        description: cells.text()?,
        priority: cells.code(Priority::from_code, "priority")?,
        auto_complete: cells.flag()?,
        notify_flags: cells.code(NotifyFlags::from_bits, "set of flags")?,
        due: Due {
            transferred: cells.flag()?,
            error: cells.flag()?,
        },
        notify_command: cells.json()?,
        activation: cells.optional_text()?,
        minimum_retry_delay: cells.delay()?,
        no_progress_timeout: cells.delay()?,
        maximum_download_time: cells.delay()?,
        download_time: cells.delay()?,
        transfer_policy: cells.code(TransferPolicy::from_bits, "transfer policy")?,
        peer_caching: cells.code(PeerCaching::from_bits, "set of flags")?,
        headers: cells.secret_json()?,
        http: cells.secret_json()?,
        context: ClientContext {
            umask: cells.small()?,
            proxies: cells.secret_json()?,
        },
        phase: cells.json()?,
        error_count: cells.small()?,
        fruitless_tries: cells.small()?,
        created: Timestamp(cells.number()?),
        modified: Timestamp(cells.number()?),
        transferred_at: cells.optional_number()?.map(Timestamp),
        born: Moment(cells.number()?),
        last_progress: Moment(cells.number()?),
        download: cells.optional_secret_json()?,
    })
}

const READ_FILES: &str = "
    SELECT files.job, files.position, url, mirrors, found_at, path, naming, sink, folder, temporary, ranges, checksum, size, validator,
        modified, durable, restarts, is_valid, bytes_spent, requests, time_spent, notify_due, phase
    FROM files LEFT JOIN file_requests
        ON file_requests.job = files.job AND file_requests.position = files.position
    ORDER BY files.job, files.position";

/// Gives each job its files: both come in order of the job's number. A file that cannot be read damages its job.
fn read_files(connection: &Connection, jobs: &mut Vec<Incoming>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(READ_FILES)?;
    let mut rows = statement.query([])?;
    let mut at = 0;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        while jobs.get(at).is_some_and(|job| job.number < number) {
            at += 1;
        }
        if jobs.get(at).is_none_or(|job| job.number != number) {
            // Foreign keys rule this out, unless the job's row was lost by damage that SQLite cannot see.
            let orphans = Incoming {
                number,
                label: format!("job number {number}"),
                record: Err(Damage("there are files of it, but not itself".to_owned())),
                files: Vec::new(),
            };
            jobs.insert(at, orphans);
        }
        let job = &mut jobs[at];
        if job.record.is_ok() {
            let mut cells = Cells::new(row);
            match cells.number().and_then(|_| read_file(&mut cells)) {
                Ok(file) => job.files.push(file),
                Err(Damage(reason)) => {
                    let position: i64 = row.get(1)?;
                    job.record = Err(Damage(format!("file {position}, {reason}")));
                }
            }
        }
    }
    Ok(())
}

/// In the order of `READ_FILES`, from `position` on.
fn read_file(cells: &mut Cells<'_>) -> Result<FileRecord, Damage> {
    Ok(FileRecord {
        index: cells.small()?,
        url: cells.take(|value| {
            let text = value.as_str().map_err(|e| e.to_string())?;
            Url::parse(text).map(Arc::new).map_err(|e| e.to_string())
        })?,
        mirrors: cells.optional_secret_json()?.unwrap_or_default(),
        found_at: cells.take(|value| {
            let text = value.as_str_or_null().map_err(|e| e.to_string())?;
            let url = text.map(Url::parse).transpose();
            url.map(|url| url.map(Box::new)).map_err(|e| e.to_string())
        })?,
        path: cells.path()?.into(),
        naming: cells.json()?,
        sink: cells.json()?,
        folder: cells.json()?,
        temporary: cells.text()?.into(),
        ranges: cells.optional_json()?.unwrap_or_default(),
        checksum: cells.take(|value| {
            let text = value.as_str_or_null().map_err(|e| e.to_string())?;
            text.map(|text| text.parse().map(Box::new))
                .transpose()
                .map_err(|e: ParseChecksumError| e.to_string())
        })?,
        size: cells.optional_number()?,
        validator: cells.json()?,
        modified: cells.optional_number()?.map(Timestamp),
        durable: cells.json()?,
        restarts: cells.small()?,
        is_valid: cells.flag()?,
        spent: Spent {
            bytes: cells.number()?,
            requests: cells.number()?,
            time: cells.delay()?,
        },
        notify_due: cells.flag()?,
        phase: cells.json()?,
    })
}

fn read_anchor(connection: &Connection) -> rusqlite::Result<Result<Option<ClockAnchor>, Damage>> {
    let read = |row: &Row<'_>| {
        let mut cells = Cells::new(row);
        Ok((|| {
            Ok(ClockAnchor {
                boot_id: cells.text()?,
                boottime: cells.number()?,
                wall: Timestamp(cells.number()?),
                moment: Moment(cells.number()?),
            })
        })())
    };
    let row = connection
        .query_row(
            "SELECT boot_id, boottime, wall, moment FROM clock",
            [],
            read,
        )
        .optional()?;
    Ok(row.transpose())
}

fn job_id(value: ValueRef<'_>) -> Result<JobId, String> {
    let bytes = value.as_blob().map_err(|e| e.to_string())?;
    let bits = bytes
        .try_into()
        .map_err(|_| format!("{} bytes are no identity", bytes.len()))?;
    Ok(JobId::from_u128(u128::from_be_bytes(bits)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bgcopy_model::{
        AuthScheme, AuthTarget, ByteRange, Condition, Credential, DownloadProperty, DownloadRecord,
        DownloadValue, Extent, FilePhase, Header, HttpOptions, Inode, JobError, JobPhase, JobState,
        Mirror, Naming, ProxyEnvironment, ProxySettings, ProxyUsage, SecurityFlags, Sink,
        Validator,
    };

    use super::*;
    use crate::migrate::{MIGRATIONS, migrate};

    /// The queue that version 1 of the schema wrote, brought to the present one.
    fn released() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, &MIGRATIONS[..1]).unwrap();
        connection
            .execute_batch(include_str!("../tests/fixtures/rows_0001.sql"))
            .unwrap();
        migrate(&mut connection, 1, MIGRATIONS).unwrap();
        connection
    }

    /// Job number 1 of the fixture.
    fn first_job() -> JobRecord {
        JobRecord {
            id: JobId::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
            owner: Owner { uid: 1000 },
            profile: Profile::Bits,
            name: "images".into(),
            description: "für den Abend".into(),
            priority: Priority::Foreground,
            auto_complete: true,
            notify_flags: NotifyFlags::default(),
            due: Due {
                transferred: true,
                error: false,
            },
            notify_command: vec!["/bin/notify".into(), "two words".into()],
            activation: Some("org.example.Downloads".into()),
            minimum_retry_delay: Duration::from_secs(5),
            no_progress_timeout: Duration::from_nanos(u64::MAX),
            maximum_download_time: Duration::from_hours(1),
            download_time: Duration::from_nanos(7),
            transfer_policy: TransferPolicy::from_bits(0x8000_0021).unwrap(),
            peer_caching: PeerCaching::from_bits(2).unwrap(),
            headers: vec![Header {
                name: "Authorization".into(),
                value: "Bearer x".into(),
            }],
            http: HttpOptions {
                security: SecurityFlags::from_bits(0x900).unwrap(),
                proxy: ProxySettings::new(
                    ProxyUsage::Override,
                    &["http://u:p@proxy:3128".into()],
                    vec!["<local>".into()],
                )
                .unwrap(),
                credentials: [Credential::new(
                    AuthTarget::Proxy,
                    AuthScheme::Digest,
                    "u".into(),
                    "p".into(),
                )
                .unwrap()]
                .into_iter()
                .collect(),
            },
            context: ClientContext {
                umask: 0o22,
                proxies: ProxyEnvironment {
                    https: Some("http://proxy:3128".into()),
                    ..ProxyEnvironment::default()
                },
            },
            phase: JobPhase::TransientError {
                error: JobError {
                    condition: Condition::HttpStatus(503),
                    file: Some(1),
                    detail: "host is busy".into(),
                },
                retry_at: Moment(90_000),
            },
            error_count: 2,
            fruitless_tries: 1,
            created: Timestamp(1_700_000_000_000_000),
            modified: Timestamp(1_700_000_001_000_000),
            transferred_at: None,
            born: Moment(10),
            last_progress: Moment(20),
            download: Some(Box::new(DownloadRecord {
                properties: [
                    (
                        DownloadProperty::DisplayName,
                        DownloadValue::Text("x".into()),
                    ),
                    (
                        DownloadProperty::TotalSizeBytes,
                        DownloadValue::Size(u64::MAX),
                    ),
                    (DownloadProperty::NonVolatile, DownloadValue::Flag(false)),
                    (DownloadProperty::CostPolicy, DownloadValue::Number(7)),
                    (
                        DownloadProperty::SecurityContext,
                        DownloadValue::Bytes(vec![0, 255]),
                    ),
                ]
                .into(),
            })),
        }
    }

    /// Its files.
    fn first_files() -> Vec<FileRecord> {
        let plain = FileRecord {
            index: 0,
            url: Arc::new(Url::parse("https://example.org/a?b=c").unwrap()),
            mirrors: vec![],
            found_at: None,
            path: std::path::Path::new("/home/u/a").into(),
            naming: Naming::Given,
            sink: Sink::File,
            folder: None,
            temporary: ".a.bgcopy".into(),
            ranges: vec![],
            checksum: None,
            size: None,
            validator: Validator::default(),
            modified: None,
            durable: [].into_iter().collect(),
            restarts: 0,
            is_valid: false,
            spent: Spent::default(),
            notify_due: false,
            phase: FilePhase::Pending,
        };
        let ranged = FileRecord {
            index: 1,
            sink: Sink::Stream { set: u64::MAX },
            mirrors: vec![
                Mirror::new(Url::parse("https://u:p@example.com/a").unwrap(), 0).unwrap(),
            ],
            found_at: Some(Box::new(Url::parse("https://example.net/a").unwrap())),
            ranges: vec![ByteRange {
                offset: 5,
                length: ByteRange::TO_END,
            }],
            checksum: Some(Box::new(
                format!("blake3:{}", "ab".repeat(32)).parse().unwrap(),
            )),
            size: Some(7),
            validator: Validator {
                etag: Some("\"v\"".into()),
                last_modified: Some("Tue, 15 Nov 1994 12:45:26 GMT".into()),
                last_modified_strong: true,
                size: Some(12),
                elsewhere: true,
                digest: Some(Box::new(
                    format!("sha256:{}", "cd".repeat(32)).parse().unwrap(),
                )),
            },
            modified: Some(Timestamp(784_903_526_000_000)),
            durable: [Extent::new(0, 3), Extent::new(4, 7)].into_iter().collect(),
            restarts: 4,
            is_valid: true,
            spent: Spent {
                bytes: u64::MAX,
                requests: 3,
                time: Duration::from_millis(1_500),
            },
            notify_due: true,
            phase: FilePhase::Transferred {
                length_unverified: true,
                inode: Some(Inode {
                    device: 1,
                    number: u64::MAX,
                }),
            },
            ..plain.clone()
        };
        vec![plain, ranged]
    }

    #[test]
    fn rows_that_a_released_version_wrote_read_as_the_same_records() {
        let restored = restore(&mut released()).unwrap();
        assert_eq!(restored.damaged, Vec::<String>::new());
        assert_eq!(restored.jobs[0], (first_job(), first_files()));
        let phases: Vec<_> = restored.jobs[1..]
            .iter()
            .map(|(job, _)| job.phase.clone())
            .collect();
        let at = Moment(1);
        assert_eq!(
            phases,
            [
                JobPhase::Suspended,
                JobPhase::Queued,
                JobPhase::Connecting,
                JobPhase::Transferring,
                JobPhase::Error {
                    error: JobError {
                        condition: Condition::InvalidState,
                        file: None,
                        detail: String::new()
                    }
                },
                JobPhase::Transferred,
                JobPhase::Completing {
                    shown: JobState::TransientError
                },
                JobPhase::Acknowledged { at, partial: true },
                JobPhase::Cancelled { at },
            ]
        );
        let phases: Vec<_> = restored.jobs[1]
            .1
            .iter()
            .map(|file| file.phase.clone())
            .collect();
        assert_eq!(
            phases,
            [
                FilePhase::Transferred {
                    length_unverified: true,
                    inode: None,
                },
                FilePhase::Published,
                FilePhase::Dropped
            ]
        );
        let anchor = restored.anchor.unwrap();
        assert_eq!((anchor.boot_id.as_str(), anchor.boottime), ("boot", 1));
        assert_eq!((anchor.wall, anchor.moment), (Timestamp(2), Moment(3)));
    }

    #[test]
    fn a_job_with_an_unreadable_row_is_set_aside_whole_and_the_others_stay() {
        let mut connection = released();
        connection
            .execute_batch(
                r#"UPDATE files SET phase = '{"phase":"melted"}' WHERE job = 1 AND position = 1;
                   UPDATE jobs SET profile = 'wget' WHERE number = 3;
                   UPDATE secrets SET headers = '["hunter2"]' WHERE job = 4;
                   UPDATE clock SET boot_id = CAST(x'ff' AS TEXT);
                   PRAGMA foreign_keys = OFF;
                   DELETE FROM jobs WHERE number = 2;"#,
            )
            .unwrap();
        let restored = restore(&mut connection).unwrap();
        let all = restored.damaged.join("\n");
        assert_eq!(restored.damaged.len(), 5, "{all}");
        assert_eq!(restored.jobs.len(), 6);
        assert_eq!(restored.anchor, None);
        for words in [
            "job 01020304-0506-0708-090a-0b0c0d0e0f10 cannot be read: file 1, column phase",
            "job number 2 cannot be read: there are files of it, but not itself",
            "column profile: \"wget\" is no profile",
            "column headers: not readable",
            "the record of the clocks cannot be read: column boot_id",
        ] {
            assert!(all.contains(words), "{words:?} in:\n{all}");
        }
        assert!(!all.contains("hunter2"), "a secret in a message:\n{all}");

        let kept: Vec<(String, String)> = connection
            .prepare("SELECT source, content FROM quarantine ORDER BY number")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let of = |table| kept.iter().filter(|(source, _)| source == table).count();
        assert_eq!((of("jobs"), of("secrets")), (3, 4));
        assert_eq!(of("downloads"), 1);
        assert_eq!((of("files"), of("file_requests"), of("clock")), (5, 1, 1));
        let content = kept.iter().map(|(_, content)| content.as_str());
        let content = content.collect::<Vec<_>>().join("\n");
        for words in [
            "melted",
            "wget",
            "hunter2",
            "784903526000000",
            "{\"hex\":\"ff\"}",
        ] {
            assert!(content.contains(words), "{words:?} in:\n{content}");
        }

        let again = restore(&mut connection).unwrap();
        assert_eq!(again.damaged, Vec::<String>::new(), "it is said once");
        assert_eq!(again.jobs, restored.jobs);
    }
}
