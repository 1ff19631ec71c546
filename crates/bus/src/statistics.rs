//! What fetching a file has cost, as `File1.GetStatistics` tells it.

use zbus::Type;

/// The answer of `GetStatistics`: `a{sv}`. The introspection XML documents each key.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, zbus::SerializeDict, zbus::DeserializeDict, Type,
)]
#[zbus(signature = "a{sv}", rename_all = "PascalCase")]
pub struct FileStatistics {
    /// The job's id and the file's index.
    pub file_id: String,
    /// Its URL.
    pub source_url: String,
    /// Its bytes; [`bgcopy_model::UNKNOWN_SIZE`] until the origin has told.
    pub file_size: u64,
    /// Bytes that origins sent, those that were sent twice counted twice.
    pub bytes_from_http: u64,
    /// Bytes from a cache server.
    pub bytes_from_cache_server: u64,
    /// Bytes from peers in the local network.
    pub bytes_from_lan_peers: u64,
    /// Bytes from peers of the group.
    pub bytes_from_group_peers: u64,
    /// Bytes from peers in the Internet.
    pub bytes_from_internet_peers: u64,
    /// Bytes to peers in the local network.
    pub bytes_to_lan_peers: u64,
    /// Bytes to peers of the group.
    pub bytes_to_group_peers: u64,
    /// Bytes to peers in the Internet.
    pub bytes_to_internet_peers: u64,
    /// Questions to origins.
    pub http_connection_count: u64,
    /// Questions to cache servers.
    pub cache_server_connection_count: u64,
    /// Connections with peers in the local network.
    pub lan_connection_count: u64,
    /// Connections with peers of the group.
    pub group_connection_count: u64,
    /// Connections with peers in the Internet.
    pub internet_connection_count: u64,
    /// For how long it was being fetched.
    pub duration_milliseconds: u64,
    /// [`Self::CDN_ONLY`].
    pub download_mode: u32,
    /// [`Self::DOWNLOADING`], [`Self::COMPLETE`] or [`Self::PAUSED`].
    pub status: u32,
    /// Whether its job is a background job.
    pub is_background: bool,
}

impl FileStatistics {
    /// From origins alone.
    pub const CDN_ONLY: u32 = 0;
    /// It is fetched, or waits for its turn.
    pub const DOWNLOADING: u32 = 0;
    /// Every byte is here.
    pub const COMPLETE: u32 = 1;
    /// Bytes are missing and its job does not go on by itself now.
    pub const PAUSED: u32 = 3;
}
