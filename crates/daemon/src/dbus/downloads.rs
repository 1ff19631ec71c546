//! `org.bgcopy.Downloads1`, the manager's part in downloads.

use std::{collections::BTreeMap, sync::Arc};

use bgcopy_bus::{
    Variables,
    names::{self, download_path},
};
use bgcopy_engine::Refusal;
use bgcopy_model::{ClientContext, Condition, DownloadProperty, DownloadRecord, ProxyEnvironment};
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use super::{
    call::{Call, Failure, Outcome},
    dispatch::no_method,
    download::{self, property, refused},
    status,
};
use crate::{authz::Action, driver::JobSnapshot};

pub(super) async fn call(call: &Call, member: &str) -> Outcome {
    match member {
        "CreateDownload" => create(call, call.arguments::<BTreeMap<String, OwnedVariant>>()?).await,
        "EnumDownloads" => {
            let (name, value, all_users) = call.arguments::<(String, OwnedVariant, bool)>()?;
            let mut found = visible(call, all_users)?;
            if !name.is_empty() {
                let filter = Filter::new(property(&name)?, value)?;
                found.retain(|job| filter.fits(call, job));
            }
            let paths = found.into_iter().map(|job| download_path(job.id));
            call.answer(&paths.collect::<Vec<_>>())
        }
        _ => Err(no_method(names::DOWNLOADS, member)),
    }
}

async fn create(call: &Call, values: BTreeMap<String, OwnedVariant>) -> Outcome {
    let caller = call.client.caller.user;
    if !call.service.authz().may(caller, Action::Create) {
        let detail = "this user may not make downloads";
        return Err(refused(Refusal::new(Condition::AccessDenied, detail)));
    }
    let mut record = DownloadRecord::default();
    let (mut umask, mut environment, mut callback) = (None, Variables::default(), None);
    let wrong = |name: &str| {
        let detail = format!("{name} has another type");
        refused(Refusal::new(Condition::InvalidArgument, detail))
    };
    for (name, value) in values {
        match name.as_str() {
            "Umask" => umask = Some(u32::try_from(value).map_err(|_| wrong(&name))?),
            "Environment" => {
                let pairs = std::collections::HashMap::<String, String>::try_from(value);
                environment = pairs.map_err(|_| wrong(&name))?.into_iter().collect();
            }
            "CallbackInterface" => {
                let path = OwnedObjectPath::try_from(value).map_err(|_| wrong(&name))?;
                callback = Some(path);
            }
            _ => {
                let property = property(&name)?;
                let value = download::parsed(property, value)?;
                record.properties.insert(property, value);
            }
        }
    }
    let context = ClientContext {
        umask: umask.unwrap_or(call.service.umask()) & 0o777,
        proxies: ProxyEnvironment::from_variables(&environment.0),
    };
    let owner = call.service.authz().owner(caller);
    let made = call
        .service
        .handle()
        .create_download(owner, record, context)
        .await;
    let id = made.map_err(refused)?;
    if let Some(path) = callback {
        status::register(call, id, &path)?;
    }
    call.answer(&download_path(id))
}

/// The downloads that are not final and that the caller asks for.
fn visible(call: &Call, all_users: bool) -> Result<Vec<Arc<JobSnapshot>>, Failure> {
    let (authz, caller) = (call.service.authz(), call.client.caller.user);
    if all_users && !call.may(Action::ListAll) {
        let detail = "only an administrator may list the downloads of all users";
        return Err(refused(Refusal::new(Condition::AccessDenied, detail)));
    }
    let own = authz.owner(caller);
    let mut found = call.service.handle().view().downloads();
    found.retain(|job| all_users || job.owner == own);
    Ok(found)
}

/// A value that a property must have.
struct Filter {
    property: DownloadProperty,
    value: Variant<'static>,
}

impl Filter {
    fn new(property: DownloadProperty, value: OwnedVariant) -> Result<Self, Failure> {
        if property.is_secret() {
            let detail = format!("{} can only be set", property.name());
            return Err(refused(Refusal::new(Condition::WriteOnlyProperty, detail)));
        }
        let value = match property {
            // Compared as it is shown, so that nobody finds out a password by guessing.
            DownloadProperty::Uri => {
                let uri = String::try_from(value).map_err(|_| download::wrong_type(property))?;
                Variant::from(download::without_password(&uri))
            }
            _ => Variant::from(value),
        };
        if value.value_signature().to_string() != bgcopy_bus::download::signature(property) {
            return Err(download::wrong_type(property));
        }
        Ok(Self { property, value })
    }

    fn fits(&self, call: &Call, job: &JobSnapshot) -> bool {
        let view = call.service.handle().view();
        let found = download::read(view, job, self.property);
        found.is_ok_and(|found| found == self.value)
    }
}
