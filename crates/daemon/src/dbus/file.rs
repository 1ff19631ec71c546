//! `org.bgcopy.File1`: properties alone.

use std::path::Path;

use bgcopy_bus::FileProperties;
use bgcopy_model::UNKNOWN_SIZE;

use crate::driver::FileSnapshot;

/// The properties of a file.
pub(super) fn properties(file: &FileSnapshot) -> FileProperties {
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    FileProperties {
        index: file.index,
        remote_name: file.url.to_string(),
        local_name: text(&file.path),
        name_pending: file.name_pending,
        temporary_name: text(&file.temporary),
        bytes_total: file.progress.bytes_total.unwrap_or(UNKNOWN_SIZE),
        bytes_transferred: file.progress.bytes_transferred,
        completed: file.progress.completed,
        checksum: file
            .checksum
            .map_or_else(String::new, |sum| sum.to_string()),
        etag: known(&file.validator.etag),
        last_modified: known(&file.validator.last_modified),
        length_verified: !file.length_unverified,
    }
}

/// A path as D-Bus can carry it: in UTF-8.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
