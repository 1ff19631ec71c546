//! `org.bgcopy.Download1`.

use bgcopy_bus::{DownloadProperties, download, names};
use bgcopy_engine::{Call as EngineCall, DownloadCall, Refusal, Reply};
use bgcopy_model::{
    ByteRange, Condition, DownloadProperty, DownloadRecord, DownloadState, Profile,
};
use url::Url;
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use super::{
    call::{Call, Failure, Outcome},
    dispatch::{foreign, no_method},
    job::{may_change, may_listen},
    status,
};
use crate::{
    driver::{JobSnapshot, Publisher, Stream},
    redact,
};

pub(super) async fn call(call: &Call, job: &JobSnapshot, member: &str) -> Outcome {
    match member {
        "Start" => {
            let ranges = call.arguments::<Vec<(u64, u64)>>()?.into_iter();
            let ranges = ranges.map(|(offset, length)| ByteRange { offset, length });
            may_change(call, job)?;
            let turn = call.service.turns().take(job.id);
            // Its destination is looked at before the engine has it, so the turn is kept to the end.
            let handle = call.service.handle();
            let start = handle.start_download(job.id, ranges.collect());
            turn.run_whole(start).await.map_err(refused)?;
            call.done()
        }
        "Pause" => simple(call, job, DownloadCall::Pause).await,
        "Finalize" => simple(call, job, DownloadCall::Finalize).await,
        "Abort" => simple(call, job, DownloadCall::Abort).await,
        "GetStatus" => {
            call.arguments::<()>()?;
            let status = job
                .status()
                .ok_or_else(|| no_method(names::DOWNLOAD, member))?;
            call.answer(&status::wire(&status))
        }
        "GetProperty" => {
            let property = property(&call.arguments::<String>()?)?;
            let value = read(call.service.handle().view(), job, property)?;
            call.answer(&value)
        }
        "SetProperty" => {
            let (name, value) = call.arguments::<(String, OwnedVariant)>()?;
            set(call, job, property(&name)?, value).await
        }
        "SetStream" => {
            let end = call.arguments::<zbus::OwnedFd>();
            // Its bytes carry what the owner's secrets are for, so that no administrator's stream gets them either.
            if !call
                .service
                .authz()
                .owns(call.client.caller.user, job.owner)
            {
                return Err(foreign(job));
            }
            let stream = Stream::new(end?.into()).map_err(refused)?;
            let turn = call.service.turns().take(job.id);
            let handle = call.service.handle();
            let set = turn.run(handle.set_stream(job.id, stream)).await;
            set.map_err(refused)?;
            call.done()
        }
        "SetStatusInterface" => {
            let path = call.arguments::<OwnedObjectPath>()?;
            may_listen(call, job)?;
            status::register(call, job.id, &path)?;
            call.done()
        }
        _ => Err(no_method(names::DOWNLOAD, member)),
    }
}

/// The D-Bus properties of a download.
pub(super) fn properties(job: &JobSnapshot) -> DownloadProperties {
    let state = job.download.as_ref().map(|download| download.state);
    let state = state.unwrap_or(DownloadState::Created);
    let error = job.error.as_ref();
    DownloadProperties {
        id: job.id.to_string(),
        owner: job.owner.uid,
        state: state.code(),
        state_name: state.name().to_owned(),
        error_description: error.map_or_else(String::new, |error| error.detail.clone()),
    }
}

/// A refusal with the integers of downloads, whose profile is always DO.
pub(super) fn refused(refusal: Refusal) -> Failure {
    Failure::Refused(refusal, Profile::Do)
}

/// The property of a name.
pub(super) fn property(name: &str) -> Result<DownloadProperty, Failure> {
    DownloadProperty::from_name(name).ok_or_else(|| {
        let detail = format!("a download has no property {name:?}");
        refused(Refusal::new(Condition::UnknownProperty, detail))
    })
}

/// The value of a property of the contract.
pub(super) fn read(
    view: &Publisher,
    job: &JobSnapshot,
    property: DownloadProperty,
) -> Result<Variant<'static>, Failure> {
    let unset = || {
        let detail = format!("{} has no value", property.name());
        refused(Refusal::new(Condition::PropertyNotSet, detail))
    };
    let download = job.download.as_ref().ok_or_else(unset)?;
    let set = download.record.properties.get(&property);
    match property {
        DownloadProperty::Id => Ok(Variant::from(job.id.to_string())),
        DownloadProperty::CallbackInterface => {
            let path = view.statuses().path(job.id).ok_or_else(unset)?;
            let path = OwnedObjectPath::try_from(path).map_err(|_| unset())?;
            Ok(Variant::from(path))
        }
        DownloadProperty::StreamInterface if download.has_stream => Ok(Variant::from(true)),
        DownloadProperty::Uri => shown_uri(&download.record)
            .map(Variant::from)
            .ok_or_else(unset),
        DownloadProperty::TotalSizeBytes => {
            let told = job.files.first().and_then(|file| file.validator().size);
            let size = told.or_else(|| download.record.announced_size());
            size.map(Variant::from).ok_or_else(unset)
        }
        property if property.is_secret() && set.is_some() => {
            let detail = format!("{} can only be set", property.name());
            Err(refused(Refusal::new(Condition::WriteOnlyProperty, detail)))
        }
        _ => set.map(download::to_variant).ok_or_else(unset),
    }
}

/// The URI as it was given, but for a user and password in it.
fn shown_uri(record: &DownloadRecord) -> Option<String> {
    record.text(DownloadProperty::Uri).map(without_password)
}

/// A URI as it is shown.
pub(super) fn without_password(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            redact::shown(&url).to_string()
        }
        _ => uri.to_owned(),
    }
}

async fn set(
    call: &Call,
    job: &JobSnapshot,
    property: DownloadProperty,
    value: OwnedVariant,
) -> Outcome {
    if property == DownloadProperty::CallbackInterface {
        may_listen(call, job)?;
        let path = OwnedObjectPath::try_from(value).map_err(|_| wrong_type(property))?;
        status::register(call, job.id, &path)?;
        return call.done();
    }
    may_change(call, job)?;
    let change = DownloadCall::Set(property, parsed(property, value)?);
    change_whole(call, job, change).await?;
    call.done()
}

/// A value for a property; whether the property may be set at all is the engine's to say.
pub(super) fn parsed(
    property: DownloadProperty,
    value: OwnedVariant,
) -> Result<bgcopy_model::DownloadValue, Failure> {
    if property == DownloadProperty::Id {
        let detail = "Id can only be read";
        return Err(refused(Refusal::new(Condition::ReadOnlyProperty, detail)));
    }
    if property == DownloadProperty::StreamInterface {
        let detail = "StreamInterface can only be read; SetStream hands a stream over";
        return Err(refused(Refusal::new(Condition::ReadOnlyProperty, detail)));
    }
    download::from_variant(property, value).ok_or_else(|| wrong_type(property))
}

pub(super) fn wrong_type(property: DownloadProperty) -> Failure {
    let (name, signature) = (property.name(), download::signature(property));
    let detail = format!("{name} has the type «{signature}»");
    refused(Refusal::new(Condition::InvalidArgument, detail))
}

async fn simple(call: &Call, job: &JobSnapshot, change: DownloadCall) -> Outcome {
    call.arguments::<()>()?;
    may_change(call, job)?;
    let turn = call.service.turns().take(job.id);
    let change = EngineCall::Download(job.id, change);
    let answer = turn.run(call.service.handle().call(change)).await;
    answer.map_err(refused)?;
    call.done()
}

/// A change that is seen before the next call of the download begins: Start looks at the properties.
async fn change_whole(
    call: &Call,
    job: &JobSnapshot,
    change: DownloadCall,
) -> Result<Reply, Failure> {
    let turn = call.service.turns().take(job.id);
    let change = EngineCall::Download(job.id, change);
    let answer = turn.run_whole(call.service.handle().call(change)).await;
    answer.map_err(refused)
}
