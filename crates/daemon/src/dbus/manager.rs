//! `org.bgcopy.Manager1`.

use bgcopy_bus::{
    ErrorName, FileArgs, JobOptions, JobProperties, ManagerProperties,
    names::{self, PROTOCOL_VERSION, job_path},
};
use bgcopy_engine::Refusal;
use bgcopy_model::{Condition, FileSpec, HResult, JobId, Profile};
use zbus::OwnedObjectPath;

use super::{
    Service,
    call::{Call, Failure, Outcome},
    callback,
    dispatch::{foreign, no_method},
    intake, job,
    signals::{Change, Scope},
};
use crate::{
    authz::Action,
    driver::{Extras, JobSnapshot},
};

pub(super) async fn call(call: &Call, member: &str) -> Outcome {
    match member {
        "CreateJob" => {
            let (profile, name, options) = call.arguments::<(String, String, JobOptions)>()?;
            create(call, &profile, name, options, vec![], false).await
        }
        "SubmitJob" => {
            let (profile, name, options, files, resume) =
                call.arguments::<(String, String, JobOptions, Vec<FileArgs>, bool)>()?;
            let known = intake::profile(&profile)?;
            let files = intake::file_specs(files).map_err(Failure::refused(known))?;
            create(call, &profile, name, options, files, resume).await
        }
        "GetJob" => get_job(call, &call.arguments::<String>()?),
        "EnumJobs" => {
            let jobs = visible(call, call.arguments::<bool>()?)?.into_iter();
            call.answer(&jobs.map(|job| job_path(job.id)).collect::<Vec<_>>())
        }
        "ListJobs" => {
            let all_users = call.arguments::<bool>()?;
            let handle = call.service.handle();
            let look = call.client.subscriptions.look(call).await;
            let seen = visible(call, all_users)?;
            let jobs: Vec<(OwnedObjectPath, JobProperties)> = seen
                .iter()
                .map(|snapshot| (job_path(snapshot.id), job::properties(snapshot, handle)))
                .collect();
            if let Some(answer) = call.answer(&jobs)? {
                call.send(answer).await;
            }
            look.end(seen);
            Ok(None)
        }
        "GetErrorDescription" => {
            let code = HResult(call.arguments::<u32>()?);
            call.answer(&describe(code)?)
        }
        "Subscribe" => {
            call.arguments::<()>()?;
            let change = Change::Add(Scope::All);
            call.client.subscriptions.change(call, change).await;
            call.done()
        }
        "Unsubscribe" => {
            call.arguments::<()>()?;
            let change = Change::Remove(Scope::All);
            call.client.subscriptions.change(call, change).await;
            call.done()
        }
        "Shutdown" => shutdown(call).await,
        _ => Err(no_method(names::MANAGER, member)),
    }
}

/// The properties of the manager.
pub(super) fn properties(service: &Service) -> ManagerProperties {
    ManagerProperties {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: PROTOCOL_VERSION,
        mode: service.mode().name().to_owned(),
        process_id: std::process::id(),
    }
}

async fn create(
    call: &Call,
    profile: &str,
    name: String,
    mut options: JobOptions,
    files: Vec<FileSpec>,
    resume: bool,
) -> Outcome {
    let profile = intake::profile(profile)?;
    let refused = Failure::refused(profile);
    let caller = call.client.caller.user;
    if !call.service.authz().may(caller, Action::Create) {
        let detail = "this user may not make jobs";
        return Err(refused(Refusal::new(Condition::AccessDenied, detail)));
    }
    let target = options.notify_interface.take();
    let extras = Extras {
        target: target.and_then(|path| callback::target(call, path)),
    };
    let umask = call.service.umask();
    let spec = intake::job_spec(profile, name, options, umask).map_err(&refused)?;
    let owner = call.service.authz().owner(caller);
    let made = call
        .service
        .handle()
        .create(owner, spec, files, resume, extras);
    call.answer(&job_path(made.await.map_err(refused)?))
}

/// Digits of an identity that may stand for all of it.
const LEAST_DIGITS: usize = 4;

fn get_job(call: &Call, id: &str) -> Outcome {
    let view = call.service.handle().view();
    let may_see = |job: &JobSnapshot| call.may(Action::See(job.owner));
    if let Ok(id) = id.parse::<JobId>() {
        let job = view.job(id).ok_or_else(|| unknown(id))?;
        if !may_see(&job) {
            return Err(foreign(&job));
        }
        return call.answer(&job_path(id));
    }
    let is_prefix = id.len() >= LEAST_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_prefix {
        return Err(unknown(id).into());
    }
    let mut found = view.begin_with(&id.to_ascii_lowercase());
    found.retain(|job| may_see(job));
    match found.as_slice() {
        [job] => call.answer(&job_path(job.id)),
        [] => Err(unknown(id).into()),
        _ => {
            let detail = format!("several jobs have ids that begin with {id}; give more digits");
            Err(Refusal::new(Condition::NotFound, detail).into())
        }
    }
}

fn unknown(id: impl std::fmt::Display) -> Refusal {
    Refusal::new(Condition::NotFound, format!("there is no job {id}"))
}

/// The jobs that are not final and that the caller asks for.
fn visible(
    call: &Call,
    all_users: bool,
) -> Result<Vec<std::sync::Arc<crate::driver::JobSnapshot>>, Failure> {
    let (authz, caller) = (call.service.authz(), call.client.caller.user);
    if all_users && !call.may(Action::ListAll) {
        let detail = "only an administrator may list the jobs of all users";
        return Err(Refusal::new(Condition::AccessDenied, detail).into());
    }
    let own = authz.owner(caller);
    let mut jobs = call.service.handle().view().jobs();
    jobs.retain(|job| all_users || job.owner == own);
    Ok(jobs)
}

async fn shutdown(call: &Call) -> Outcome {
    call.arguments::<()>()?;
    if !call.may(Action::Stop) {
        let detail = "only an administrator may stop the system's service";
        return Err(Refusal::new(Condition::AccessDenied, detail).into());
    }
    // The answer first: the connection ends with the service.
    let answer = call.done()?;
    if let Some(answer) = answer {
        call.send(answer).await;
    }
    call.service.handle().stop();
    Ok(None)
}

/// What a code of the contract means.
fn describe(code: HResult) -> Result<String, Refusal> {
    let text = match code {
        HResult::S_OK => "success",
        HResult::S_FALSE => "success, and nothing had to be done",
        HResult::BG_S_PARTIAL_COMPLETE => "the job was completed without its unfinished files",
        HResult::BG_S_UNABLE_TO_DELETE_FILES => "a temporary file could not be deleted",
        // Several conditions share these.
        HResult::E_ACCESSDENIED => "access is denied",
        HResult::INET_E_SECURE_FAILURE => "the secure connection failed",
        HResult(code) if (0x8019_0000..=0x8019_ffff).contains(&code) => {
            return Ok(format!(
                "the origin refused the request with HTTP status {}",
                code & 0xffff
            ));
        }
        code => {
            let condition =
                ErrorName::ALL
                    .iter()
                    .map(|name| name.condition(code))
                    .find(|condition| {
                        [Profile::Bits, Profile::Do]
                            .iter()
                            .any(|profile| condition.hresult(*profile) == code)
                    });
            condition
                .ok_or_else(|| {
                    let detail = format!("{code} is no code of this service");
                    Refusal::new(Condition::NotFound, detail)
                })?
                .description()
        }
    };
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_the_service_gives_is_described() {
        for name in ErrorName::ALL {
            let condition = name.condition(HResult::from_http_status(404));
            for profile in [Profile::Bits, Profile::Do] {
                let text = describe(condition.hresult(profile)).unwrap();
                assert!(text.len() > 5, "{name:?}: {text}");
            }
        }
        let gone = describe(HResult::from_http_status(410)).unwrap();
        assert!(gone.contains("410"), "{gone}");
        assert_eq!(
            describe(HResult(0x1234)).unwrap_err().condition,
            Condition::NotFound
        );
    }
}
