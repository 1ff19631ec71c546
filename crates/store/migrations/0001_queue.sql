-- Jobs in order of arrival, their files, what is secret, the clocks, and what could not be read.
--
-- Times and byte counts are the bits of an unsigned 64-bit number in SQLite's signed one: 2^64 - 1 reads as -1.
-- Delays are nanoseconds. JSON is what serde makes of the model's types; its words are part of this schema.

PRAGMA application_id = 1650942832; -- "bgcp"

CREATE TABLE jobs (
    number              INTEGER PRIMARY KEY, -- grows with each new job: the order of the list
    id                  BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    owner               INTEGER NOT NULL, -- uid
    profile             TEXT    NOT NULL, -- do, bits
    name                TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    priority            INTEGER NOT NULL, -- 0 foreground, 1 high, 2 normal, 3 low
    auto_complete       INTEGER NOT NULL,
    notify_flags        INTEGER NOT NULL,
    transferred_due     INTEGER NOT NULL, -- the call JobTransferred
    error_due           INTEGER NOT NULL, -- the call JobError
    notify_command      TEXT    NOT NULL, -- JSON: program and arguments
    activation          TEXT,             -- a name on the owner's session bus
    minimum_retry_delay INTEGER NOT NULL,
    no_progress_timeout INTEGER NOT NULL,
    maximum_download_time INTEGER NOT NULL,
    download_time       INTEGER NOT NULL, -- at work since it was made or resumed
    transfer_policy     INTEGER NOT NULL, -- flags of what a network costs
    peer_caching        INTEGER NOT NULL, -- flags
    umask               INTEGER NOT NULL,
    phase               TEXT    NOT NULL, -- JSON
    error_count         INTEGER NOT NULL,
    fruitless_tries     INTEGER NOT NULL,
    created             INTEGER NOT NULL, -- microseconds since 1970
    modified            INTEGER NOT NULL,
    transferred_at      INTEGER,
    born                INTEGER NOT NULL, -- milliseconds of service time
    last_progress       INTEGER NOT NULL
) STRICT;

-- Apart from jobs, so that a look at the list shows none of it, and a change of state does not write it again.
CREATE TABLE secrets (
    job     INTEGER PRIMARY KEY REFERENCES jobs (number) ON DELETE CASCADE,
    headers TEXT NOT NULL, -- JSON
    proxies TEXT NOT NULL, -- JSON
    http    TEXT NOT NULL  -- JSON: redirects, proxy settings, credentials
) STRICT;

-- What a download has beside its job. Apart from jobs for the same two reasons.
CREATE TABLE downloads (
    job    INTEGER PRIMARY KEY REFERENCES jobs (number) ON DELETE CASCADE,
    record TEXT NOT NULL -- JSON, secrets among it
) STRICT;

-- Clustered by job: one file's progress is one leaf page, a job's files are neighbours.
CREATE TABLE files (
    job          INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    position     INTEGER NOT NULL,
    url          TEXT    NOT NULL,
    found_at     TEXT,             -- where redirects led, if the job reports it
    path         BLOB    NOT NULL, -- the bytes of the path, which need not be UTF-8
    naming       TEXT    NOT NULL, -- JSON: given, pending, chosen
    sink         TEXT    NOT NULL, -- JSON: the file, or a stream and where its range set begins
    folder       TEXT    NOT NULL, -- JSON: device and number of the destination's folder, or null
    temporary    TEXT    NOT NULL,
    checksum     TEXT,             -- algorithm:hex
    size         INTEGER,
    validator    TEXT    NOT NULL, -- JSON
    modified     INTEGER,          -- microseconds since 1970
    durable      TEXT    NOT NULL, -- JSON
    restarts     INTEGER NOT NULL,
    is_valid     INTEGER NOT NULL, -- what the client says of the content
    bytes_spent  INTEGER NOT NULL, -- received; what was fetched twice counts twice
    requests     INTEGER NOT NULL,
    time_spent   INTEGER NOT NULL, -- nanoseconds with a run
    notify_due   INTEGER NOT NULL, -- the call FileTransferred
    phase        TEXT    NOT NULL, -- JSON
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;

-- Apart from files, since a caller may ask for thousands of ranges and name dozens of mirrors, and neither changes as
-- bytes arrive. Most files have none of either, and no row here.
CREATE TABLE file_requests (
    job      INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    ranges   TEXT    NOT NULL, -- JSON
    mirrors  TEXT    NOT NULL, -- JSON; a URL can hold a password
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE clock (
    single   INTEGER PRIMARY KEY CHECK (single = 1),
    boot_id  TEXT    NOT NULL,
    boottime INTEGER NOT NULL,
    wall     INTEGER NOT NULL,
    moment   INTEGER NOT NULL
) STRICT;

-- Rows that a start could not read, kept as they were for whoever looks into it.
CREATE TABLE quarantine (
    number  INTEGER PRIMARY KEY,
    since   INTEGER NOT NULL DEFAULT (unixepoch()),
    source  TEXT    NOT NULL, -- the table that the row stood in
    reason  TEXT    NOT NULL,
    content TEXT    NOT NULL  -- JSON: column to value
) STRICT;
