//! Mutations as SQL. Runs inside a transaction of the caller's; never begins or ends one.

use std::{os::unix::ffi::OsStrExt as _, sync::Arc};

use bgcopy_model::{
    ClientContext, ClockAnchor, Due, FileRecord, JobId, JobRecord, Mutation, Owner, Spent,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use url::Url;

use crate::cells::{delay, json, number};

/// Why a mutation was not written.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It needs a job that is not there.
    UnknownJob(JobId),
    /// SQLite refused.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Writes one mutation.
pub(crate) fn apply(connection: &Connection, mutation: &Mutation) -> Result<(), Refusal> {
    match mutation {
        Mutation::PutJob(job) => put_job(connection, job)?,
        Mutation::PutFiles(job, files) => put_files(connection, *job, files)?,
        Mutation::Forget(job) => forget(connection, *job)?,
        Mutation::PutAnchor(anchor) => put_anchor(connection, anchor)?,
    }
    Ok(())
}

const PUT_JOB: &str = "
    INSERT INTO jobs (
        id, owner, profile, name, description, priority, auto_complete, notify_flags, transferred_due, error_due,
        notify_command, activation, minimum_retry_delay, no_progress_timeout, maximum_download_time, download_time,
        transfer_policy, peer_caching, umask, phase, error_count, fruitless_tries, created, modified, transferred_at,
        born, last_progress
    ) VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
        ?24, ?25, ?26, ?27
    )
    ON CONFLICT (id) DO UPDATE SET
        owner = excluded.owner, profile = excluded.profile, name = excluded.name,
        description = excluded.description, priority = excluded.priority, auto_complete = excluded.auto_complete,
        notify_flags = excluded.notify_flags, transferred_due = excluded.transferred_due,
        error_due = excluded.error_due, notify_command = excluded.notify_command, activation = excluded.activation,
        minimum_retry_delay = excluded.minimum_retry_delay,
        no_progress_timeout = excluded.no_progress_timeout,
        maximum_download_time = excluded.maximum_download_time, download_time = excluded.download_time,
        transfer_policy = excluded.transfer_policy,
        peer_caching = excluded.peer_caching, umask = excluded.umask, phase = excluded.phase,
        error_count = excluded.error_count, fruitless_tries = excluded.fruitless_tries, created = excluded.created,
        modified = excluded.modified, transferred_at = excluded.transferred_at, born = excluded.born,
        last_progress = excluded.last_progress
    RETURNING number";

/// Touches no page when nothing differs.
const PUT_SECRETS: &str = "
    INSERT INTO secrets (job, headers, proxies, http) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (job) DO UPDATE SET headers = excluded.headers, proxies = excluded.proxies, http = excluded.http
        WHERE headers <> excluded.headers OR proxies <> excluded.proxies OR http <> excluded.http";

/// Touches no page when nothing differs.
const PUT_DOWNLOAD: &str = "
    INSERT INTO downloads (job, record) VALUES (?1, ?2)
    ON CONFLICT (job) DO UPDATE SET record = excluded.record WHERE record <> excluded.record";

fn put_job(connection: &Connection, job: &JobRecord) -> rusqlite::Result<()> {
    // Taken apart in full, so that a new field of the model does not compile until it has a column.
    let JobRecord {
        id,
        owner: Owner { uid },
        profile,
        name,
        description,
        priority,
        auto_complete,
        notify_flags,
        due: Due { transferred, error },
        notify_command,
        activation,
        minimum_retry_delay,
        no_progress_timeout,
        maximum_download_time,
        download_time,
        transfer_policy,
        peer_caching,
        headers,
        http,
        context: ClientContext { umask, proxies },
        phase,
        error_count,
        fruitless_tries,
        created,
        modified,
        transferred_at,
        born,
        last_progress,
        download,
    } = job;
    let number: i64 = connection.prepare_cached(PUT_JOB)?.query_row(
        params![
            key(*id),
            uid,
            profile.name(),
            name,
            description,
            priority.code(),
            auto_complete,
            notify_flags.bits(),
            transferred,
            error,
            json(notify_command)?,
            activation,
            delay(*minimum_retry_delay),
            delay(*no_progress_timeout),
            delay(*maximum_download_time),
            delay(*download_time),
            transfer_policy.bits(),
            peer_caching.bits(),
            umask,
            json(phase)?,
            error_count,
            fruitless_tries,
            number(created.0),
            number(modified.0),
            transferred_at.map(|at| number(at.0)),
            number(born.0),
            number(last_progress.0),
        ],
        |row| row.get(0),
    )?;
    connection.prepare_cached(PUT_SECRETS)?.execute(params![
        number,
        json(headers)?,
        json(proxies)?,
        json(http)?
    ])?;
    match download {
        Some(download) => connection
            .prepare_cached(PUT_DOWNLOAD)?
            .execute(params![number, json(download)?])?,
        None => connection
            .prepare_cached("DELETE FROM downloads WHERE job = ?1")?
            .execute([number])?,
    };
    Ok(())
}

const PUT_FILE: &str = "
    INSERT INTO files (
        job, position, url, found_at, path, naming, sink, folder, temporary, checksum, size, validator, modified, durable,
        restarts, is_valid, bytes_spent, requests, time_spent, notify_due, phase
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
    ON CONFLICT (job, position) DO UPDATE SET
        url = excluded.url, found_at = excluded.found_at, path = excluded.path, naming = excluded.naming,
        sink = excluded.sink, folder = excluded.folder,
        temporary = excluded.temporary, checksum = excluded.checksum, size = excluded.size,
        validator = excluded.validator, modified = excluded.modified, durable = excluded.durable,
        restarts = excluded.restarts, is_valid = excluded.is_valid, bytes_spent = excluded.bytes_spent,
        requests = excluded.requests, time_spent = excluded.time_spent, notify_due = excluded.notify_due, phase = excluded.phase";

/// Touches no page when nothing differs.
const PUT_REQUEST: &str = "
    INSERT INTO file_requests (job, position, ranges, mirrors) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (job, position) DO UPDATE SET ranges = excluded.ranges, mirrors = excluded.mirrors
        WHERE ranges <> excluded.ranges OR mirrors <> excluded.mirrors";

const DROP_REQUEST: &str = "DELETE FROM file_requests WHERE job = ?1 AND position = ?2";

fn put_files(connection: &Connection, id: JobId, files: &[Arc<FileRecord>]) -> Result<(), Refusal> {
    let job: i64 = connection
        .prepare_cached("SELECT number FROM jobs WHERE id = ?1")?
        .query_row([key(id)], |row| row.get(0))
        .optional()?
        .ok_or(Refusal::UnknownJob(id))?;
    let mut put_file = connection.prepare_cached(PUT_FILE)?;
    let mut put_request = connection.prepare_cached(PUT_REQUEST)?;
    let mut drop_request = connection.prepare_cached(DROP_REQUEST)?;
    for file in files.iter().map(Arc::as_ref) {
        let FileRecord {
            index,
            url,
            mirrors,
            found_at,
            path,
            naming,
            sink,
            folder,
            temporary,
            ranges,
            checksum,
            size,
            validator,
            modified,
            durable,
            restarts,
            is_valid,
            spent:
                Spent {
                    bytes,
                    requests,
                    time,
                },
            notify_due,
            phase,
        } = file;
        put_file.execute(params![
            job,
            index,
            url.as_str(),
            found_at.as_deref().map(Url::as_str),
            path.as_os_str().as_bytes(),
            json(naming)?,
            json(sink)?,
            json(folder)?,
            temporary,
            checksum.as_ref().map(ToString::to_string),
            size.map(number),
            json(validator)?,
            modified.map(|at| number(at.0)),
            json(durable)?,
            restarts,
            is_valid,
            number(*bytes),
            number(*requests),
            delay(*time),
            notify_due,
            json(phase)?,
        ])?;
        if ranges.is_empty() && mirrors.is_empty() {
            drop_request.execute(params![job, index])?;
        } else {
            put_request.execute(params![job, index, json(ranges)?, json(mirrors)?])?;
        }
    }
    Ok(())
}

fn forget(connection: &Connection, id: JobId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM jobs WHERE id = ?1")?
        .execute([key(id)])?;
    Ok(())
}

const PUT_ANCHOR: &str = "
    INSERT INTO clock (single, boot_id, boottime, wall, moment) VALUES (1, ?1, ?2, ?3, ?4)
    ON CONFLICT (single) DO UPDATE SET
        boot_id = excluded.boot_id, boottime = excluded.boottime, wall = excluded.wall, moment = excluded.moment";

fn put_anchor(connection: &Connection, anchor: &ClockAnchor) -> rusqlite::Result<()> {
    let ClockAnchor {
        boot_id,
        boottime,
        wall,
        moment,
    } = anchor;
    connection.prepare_cached(PUT_ANCHOR)?.execute(params![
        boot_id,
        number(*boottime),
        number(wall.0),
        number(moment.0)
    ])?;
    Ok(())
}

/// A job's identity in its column.
fn key(id: JobId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}
