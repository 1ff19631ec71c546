//! `org.bgcopy.Job1`.

use bgcopy_bus::{
    FileArgs, FileOptions, FileProperties, JobProperties,
    names::{error_path, file_path},
};
use bgcopy_engine::{Call as EngineCall, HttpSetting, Refusal, Reply, Setting};
use bgcopy_model::{
    Condition, FileId, FileIndex, FileSpec, HResult, Profile, Timestamp, UNKNOWN_SIZE,
};
use zbus::{OwnedObjectPath, OwnedVariant, fdo};

use super::{
    call::{Call, Failure, Outcome},
    callback,
    dispatch::foreign,
    file, http, intake,
    signals::{Change, Scope},
};
use crate::{
    authz::Action,
    driver::{Handle, JobSnapshot},
};

pub(super) async fn call(call: &Call, job: &JobSnapshot, member: &str) -> Outcome {
    match member {
        "AddFile" => {
            let (url, path, options) = call.arguments::<(String, String, FileOptions)>()?;
            let file = FileArgs { url, path, options };
            let first = add(call, job, vec![file]).await?;
            call.answer(&path_of(job, first))
        }
        "AddFiles" => {
            let files = call.arguments::<Vec<FileArgs>>()?;
            let count = files.len();
            let first = add(call, job, files).await?;
            let paths = (first..).take(count).map(|index| path_of(job, index));
            call.answer(&paths.collect::<Vec<_>>())
        }
        "EnumFiles" => {
            call.arguments::<()>()?;
            let paths = job.files.iter().map(|file| path_of(job, file.index()));
            call.answer(&paths.collect::<Vec<_>>())
        }
        "ListFiles" => {
            call.arguments::<()>()?;
            let files = job.files.iter();
            let files: Vec<(OwnedObjectPath, FileProperties)> = files
                .map(|snapshot| (path_of(job, snapshot.index()), file::properties(snapshot)))
                .collect();
            call.answer(&files)
        }
        "ListFilesFrom" => {
            let (first, count) = call.arguments::<(u32, u32)>()?;
            let files = job.files.iter().skip(first as usize).take(count as usize);
            let files: Vec<(OwnedObjectPath, FileProperties)> = files
                .map(|snapshot| (path_of(job, snapshot.index()), file::properties(snapshot)))
                .collect();
            call.answer(&files)
        }
        "ReplaceRemotePrefix" => {
            let (old, new) = call.arguments::<(String, String)>()?;
            match change(call, job, EngineCall::ReplacePrefix(job.id, old, new)).await? {
                Reply::Changed(count) => call.answer(&count),
                _ => call.answer(&0_u32),
            }
        }
        "TakeOwnership" => take_ownership(call, job).await,
        "Resume" => simple(call, job, EngineCall::Resume(job.id)).await,
        "Suspend" => simple(call, job, EngineCall::Suspend(job.id)).await,
        "Cancel" => ending(call, job, EngineCall::Cancel(job.id)).await,
        "Complete" => ending(call, job, EngineCall::Complete(job.id)).await,
        "GetError" => {
            call.arguments::<()>()?;
            if job.error.is_none() {
                let condition = Condition::NoErrorInformation;
                let refusal = Refusal::new(condition, condition.description());
                return Err(Failure::Refused(refusal, job.profile));
            }
            call.answer(&error_path(job.id))
        }
        "SetNotifyInterface" => {
            let target = callback::target(call, call.arguments::<OwnedObjectPath>()?);
            may_change(call, job)?;
            if target.is_some() {
                may_listen(call, job)?;
            }
            let turn = call.service.turns().take(job.id);
            let handle = call.service.handle();
            let set = turn.run(handle.set_notify_interface(job.id, target)).await;
            set.map_err(Failure::refused(job.profile))?;
            call.done()
        }
        "GetNotifyInterface" => {
            call.arguments::<()>()?;
            // Behind a call that sets it.
            let turn = call.service.turns().take(job.id);
            let handle = call.service.handle();
            let target = turn.run(handle.notify_interface(job.id)).await;
            call.answer(&callback::address(target))
        }
        "Subscribe" => {
            call.arguments::<()>()?;
            may_listen(call, job)?;
            let change = Change::Add(Scope::Job(job.id));
            call.client.subscriptions.change(call, change).await;
            call.done()
        }
        "Unsubscribe" => {
            call.arguments::<()>()?;
            let change = Change::Remove(Scope::Job(job.id));
            call.client.subscriptions.change(call, change).await;
            call.done()
        }
        _ => http::call(call, job, member).await,
    }
}

/// `Properties.Set` of a property that can be written.
pub(super) async fn set(
    call: &Call,
    job: &JobSnapshot,
    name: &str,
    value: OwnedVariant,
) -> Outcome {
    let wrong = |_| {
        let text = format!("{name} has another type");
        Failure::from(fdo::Error::InvalidArgs(text))
    };
    let refused = Failure::refused(job.profile);
    let number = |value: OwnedVariant| u32::try_from(value).map_err(wrong);
    let setting = match name {
        "Name" => Setting::Name(String::try_from(value).map_err(wrong)?),
        "Description" => Setting::Description(String::try_from(value).map_err(wrong)?),
        "Priority" => Setting::Priority(intake::priority(number(value)?).map_err(&refused)?),
        "AutoComplete" => Setting::AutoComplete(bool::try_from(value).map_err(wrong)?),
        "NotifyFlags" => {
            Setting::NotifyFlags(intake::notify_flags(number(value)?).map_err(&refused)?)
        }
        "NotifyCommand" => {
            let command = Vec::<String>::try_from(value).map_err(wrong)?;
            Setting::NotifyCommand(intake::notify_command(command).map_err(&refused)?)
        }
        "ActivationName" => {
            let name = String::try_from(value).map_err(wrong)?;
            Setting::Activation(intake::activation(name).map_err(&refused)?)
        }
        "SecurityFlags" => Setting::Http(HttpSetting::Security(
            http::security_flags(number(value)?).map_err(&refused)?,
        )),
        "MinimumRetryDelay" => Setting::MinimumRetryDelay(intake::seconds(number(value)?)),
        "NoProgressTimeout" => Setting::NoProgressTimeout(intake::seconds(number(value)?)),
        "MaximumDownloadTime" => Setting::MaximumDownloadTime(intake::seconds(number(value)?)),
        "TransferPolicy" => {
            Setting::TransferPolicy(intake::transfer_policy(number(value)?).map_err(&refused)?)
        }
        "PeerCachingFlags" => {
            Setting::PeerCaching(intake::peer_caching(number(value)?).map_err(&refused)?)
        }
        _ => {
            let text = format!("{name} can only be read");
            return Err(fdo::Error::PropertyReadOnly(text).into());
        }
    };
    change(call, job, EngineCall::Set(job.id, setting)).await?;
    call.done()
}

/// The properties of a job.
pub(super) fn properties(job: &JobSnapshot, handle: &Handle) -> JobProperties {
    let wall = |time: Option<Timestamp>| time.map_or(0, |time| time.0);
    let seconds = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let error = job.error.as_ref();
    JobProperties {
        id: job.id.to_string(),
        profile: job.profile.name().to_owned(),
        name: job.name.clone(),
        description: job.description.clone(),
        owner: job.owner.uid,
        priority: job.priority.code(),
        state: job.state.code(),
        state_name: job.state.name().to_owned(),
        auto_complete: job.auto_complete,
        notify_flags: job.notify_flags.bits(),
        notify_command: job.notify_command.clone(),
        activation_name: job.activation.clone().unwrap_or_default(),
        minimum_retry_delay: seconds(job.minimum_retry_delay),
        no_progress_timeout: seconds(job.no_progress_timeout),
        maximum_download_time: seconds(job.maximum_download_time),
        transfer_policy: job.transfer_policy.bits(),
        peer_caching_flags: job.peer_caching.bits(),
        security_flags: job.http.security.bits(),
        credentials: job.http.credentials.clone(),
        error_count: job.error_count,
        bytes_total: job.progress.bytes_total.unwrap_or(UNKNOWN_SIZE),
        bytes_transferred: job.progress.bytes_transferred,
        files_total: job.progress.files_total,
        files_transferred: job.progress.files_transferred,
        creation_time: job.created.0,
        modification_time: job.modified.0,
        transfer_completion_time: wall(job.transferred_at),
        retry_time: wall(job.retry_at.map(|at| handle.moment_to_wall(at))),
        error_code: error.map_or(0, |error| error.code(job.profile).0),
        error_description: error.map_or_else(String::new, |error| error.detail.clone()),
    }
}

async fn simple(call: &Call, job: &JobSnapshot, engine: EngineCall) -> Outcome {
    call.arguments::<()>()?;
    change(call, job, engine).await?;
    call.done()
}

/// Cancel and Complete, which can succeed with a reservation.
async fn ending(call: &Call, job: &JobSnapshot, engine: EngineCall) -> Outcome {
    call.arguments::<()>()?;
    let code = match change(call, job, engine).await? {
        // The DO profile knows no partial completion (contract, section Job life cycle).
        Reply::Partial if job.profile == Profile::Bits => HResult::BG_S_PARTIAL_COMPLETE,
        Reply::Undeleted => HResult::BG_S_UNABLE_TO_DELETE_FILES,
        _ => HResult::S_OK,
    };
    call.answer(&code.0)
}

pub(super) async fn change(
    call: &Call,
    job: &JobSnapshot,
    engine: EngineCall,
) -> Result<Reply, Failure> {
    may_change(call, job)?;
    let turn = call.service.turns().take(job.id);
    let answer = turn.run(call.service.handle().call(engine)).await;
    answer.map_err(Failure::refused(job.profile))
}

/// The job becomes the caller's.
async fn take_ownership(call: &Call, job: &JobSnapshot) -> Outcome {
    call.arguments::<()>()?;
    let (authz, caller) = (call.service.authz(), call.client.caller.user);
    if !authz.may(caller, Action::TakeOwnership(job.owner)) {
        let detail = "only root may take a job over";
        let refusal = Refusal::new(Condition::AccessDenied, detail);
        return Err(Failure::Refused(refusal, job.profile));
    }
    let turn = call.service.turns().take(job.id);
    let owner = authz.owner(caller);
    let taken = turn.run_whole(call.service.handle().take_ownership(job.id, owner));
    taken.await.map_err(Failure::refused(job.profile))?;
    call.done()
}

async fn add(call: &Call, job: &JobSnapshot, files: Vec<FileArgs>) -> Result<FileIndex, Failure> {
    may_change(call, job)?;
    let files: Vec<FileSpec> = intake::file_specs(files).map_err(Failure::refused(job.profile))?;
    let turn = call.service.turns().take(job.id);
    // Its destinations are looked at before the engine has it, so the turn is kept to the end.
    let added = turn.run_whole(call.service.handle().add_files(job.id, files));
    added.await.map_err(Failure::refused(job.profile))
}

pub(super) fn may_change(call: &Call, job: &JobSnapshot) -> Result<(), Failure> {
    if call.may(Action::Change(job.owner)) {
        Ok(())
    } else {
        Err(foreign(job))
    }
}

/// What is told from now on goes to those alone who may know it without being asked about each time.
pub(super) fn may_listen(call: &Call, job: &JobSnapshot) -> Result<(), Failure> {
    if call.may_by_right(Action::See(job.owner)) {
        Ok(())
    } else {
        Err(foreign(job))
    }
}

fn path_of(job: &JobSnapshot, index: FileIndex) -> OwnedObjectPath {
    file_path(FileId { job: job.id, index })
}
