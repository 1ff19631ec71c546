//! `org.freedesktop.DBus.Introspectable` and `ObjectManager`: what there is, as far as the caller may see it.

use std::sync::Arc;

use bgcopy_bus::{
    Interfaces, introspection,
    names::{Object, error_path, file_path, job_path},
    properties::ManagedObjects,
};
use bgcopy_model::FileId;

use super::{
    call::{Call, Outcome},
    dispatch::{Target, no_method},
    docs, error, file, job,
};
use crate::{authz::Action, driver::JobSnapshot};

pub(super) fn introspect(call: &Call, target: &Target, path: &str, member: &str) -> Outcome {
    if member != "Introspect" {
        return Err(no_method("org.freedesktop.DBus.Introspectable", member));
    }
    call.arguments::<()>()?;
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (object, children): (_, Vec<String>) = match target {
        Target::Branch(Object::Jobs) => {
            let jobs = visible(call).into_iter();
            (
                Object::Jobs,
                jobs.map(|job| job.id.simple().to_string()).collect(),
            )
        }
        Target::Branch(Object::Downloads) => {
            let mut seen = call.service.handle().view().downloads();
            retain_visible(call, &mut seen);
            let names = seen.iter().map(|it| it.id.simple().to_string());
            (Object::Downloads, names.collect())
        }
        Target::Branch(object) => (
            *object,
            fixed(&[if path == "/" { "org" } else { "bgcopy" }]),
        ),
        Target::Manager => (Object::Manager, fixed(&["downloads", "jobs"])),
        Target::Job(job) => {
            let error = job.error.as_ref().map(|_| "error");
            let files = (!job.files.is_empty()).then_some("files");
            let children: Vec<_> = error.into_iter().chain(files).collect();
            (Object::Job(job.id), fixed(&children))
        }
        Target::Files(job) => {
            let files = job.files.iter().map(|file| file.index().to_string());
            (Object::Files(job.id), files.collect())
        }
        Target::File(_, file) => {
            // Which job's file does not show in the document.
            let (job, index) = (bgcopy_model::JobId::from_u128(0), file.index());
            (Object::File(FileId { job, index }), vec![])
        }
        Target::Error(job, _) => (Object::Error(job.id), vec![]),
        Target::Download(job) => (Object::Download(job.id), vec![]),
    };
    call.answer(&docs::annotated(&introspection::document(object, children)))
}

pub(super) fn managed_objects(call: &Call, target: &Target, member: &str) -> Outcome {
    if member != "GetManagedObjects" {
        return Err(no_method("org.freedesktop.DBus.ObjectManager", member));
    }
    call.arguments::<()>()?;
    let handle = call.service.handle();
    let mut objects = ManagedObjects::new();
    match target {
        Target::Job(job) => {
            for snapshot in job.files.iter() {
                let (job, index) = (job.id, snapshot.index());
                let interfaces = Interfaces {
                    file: Some(file::properties(snapshot)),
                    ..Interfaces::default()
                };
                objects.insert(file_path(FileId { job, index }), interfaces);
            }
        }
        _ => {
            for snapshot in visible(call) {
                let interfaces = Interfaces {
                    job: Some(job::properties(&snapshot, handle)),
                    ..Interfaces::default()
                };
                objects.insert(job_path(snapshot.id), interfaces);
                if let Some(reason) = &snapshot.error {
                    let interfaces = Interfaces {
                        error: Some(error::properties(&snapshot, reason)),
                        ..Interfaces::default()
                    };
                    objects.insert(error_path(snapshot.id), interfaces);
                }
            }
        }
    }
    call.answer(&objects)
}

/// The jobs that are not final and that the caller may see.
fn visible(call: &Call) -> Vec<Arc<JobSnapshot>> {
    let mut jobs = call.service.handle().view().jobs();
    retain_visible(call, &mut jobs);
    jobs
}

fn retain_visible(call: &Call, jobs: &mut Vec<Arc<JobSnapshot>>) {
    let (authz, caller) = (call.service.authz(), call.client.caller.user);
    jobs.retain(|job| authz.may(caller, Action::See(job.owner)));
}
