//! `org.bgcopy.Error1`: properties alone.

use bgcopy_bus::{
    ErrorProperties,
    names::{Object, file_path},
};
use bgcopy_model::{FileId, JobError};

use crate::driver::JobSnapshot;

/// The properties of a job's error.
pub(super) fn properties(job: &JobSnapshot, error: &JobError) -> ErrorProperties {
    let code = error.code(job.profile);
    let context = error.context(job.profile);
    let file = error
        .file
        .and_then(|index| job.files.get(index as usize))
        .map(|file| (file.index(), file.scheme()));
    ErrorProperties {
        code: code.0,
        code_name: code.label(),
        context: context.code(),
        context_name: context.name().to_owned(),
        file: match file {
            Some((index, _)) => file_path(FileId { job: job.id, index }),
            None => Object::Above.path(),
        },
        description: error.detail.clone(),
        context_description: context.description().to_owned(),
        protocol: file.map_or_else(String::new, |(_, scheme)| scheme.to_owned()),
    }
}
