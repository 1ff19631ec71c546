//! `org.freedesktop.DBus.Properties` of every object.

use std::collections::BTreeMap;

use bgcopy_bus::{
    DownloadProperties, ErrorProperties, FileProperties, JobProperties, ManagerProperties,
};
use zbus::{OwnedVariant, Variant, fdo};

use super::{
    call::{Call, Failure, Outcome},
    dispatch::{PROPERTIES, Target, no_method},
    download, error, file, job, manager,
};

pub(super) async fn call(call: &Call, target: &Target, member: &str) -> Outcome {
    match member {
        "Get" => {
            let (interface, name) = call.arguments::<(String, String)>()?;
            let values = values(call, target, &interface)?;
            let value = values.as_ref().and_then(|values| values.get(&name));
            call.answer(&value.ok_or_else(|| unknown(&name))?)
        }
        "GetAll" if let Target::Job(job) = target => {
            // Read once more, now that no signal can overtake the answer.
            let look = call.client.subscriptions.look(call).await;
            let view = call.service.handle().view();
            let job = view.job(job.id).unwrap_or_else(|| job.clone());
            let target = Target::Job(job.clone());
            let answer = match values(call, &target, &call.arguments::<String>()?)? {
                Some(Values::Job(values)) => call.answer(&values)?,
                _ => return call.answer(&BTreeMap::<String, Variant<'_>>::new()),
            };
            if let Some(answer) = answer {
                call.send(answer).await;
            }
            look.end(vec![job]);
            Ok(None)
        }
        "GetAll" => match values(call, target, &call.arguments::<String>()?)? {
            Some(Values::Manager(values)) => call.answer(&values),
            Some(Values::Job(values)) => call.answer(&values),
            Some(Values::File(values)) => call.answer(&values),
            Some(Values::Error(values)) => call.answer(&values),
            Some(Values::Download(values)) => call.answer(&values),
            None => call.answer(&BTreeMap::<String, Variant<'_>>::new()),
        },
        "Set" => {
            let (interface, name, value) = call.arguments::<(String, String, OwnedVariant)>()?;
            let values = values(call, target, &interface)?;
            match (target, values) {
                (_, None) => Err(unknown(&name)),
                (_, Some(values)) if values.get(&name).is_none() => Err(unknown(&name)),
                (Target::Job(snapshot), _) => job::set(call, snapshot, &name, value).await,
                (Target::File(job, found), _) => file::set(call, job, found, &name, value).await,
                _ => {
                    let text = format!("{name} can only be read");
                    Err(fdo::Error::PropertyReadOnly(text).into())
                }
            }
        }
        _ => Err(no_method(PROPERTIES, member)),
    }
}

/// The properties of one interface.
enum Values {
    Manager(ManagerProperties),
    Job(JobProperties),
    File(FileProperties),
    Error(ErrorProperties),
    Download(DownloadProperties),
}

impl Values {
    fn get(&self, name: &str) -> Option<Variant<'static>> {
        match self {
            Self::Manager(values) => values.value(name),
            Self::Job(values) => values.value(name),
            Self::File(values) => values.value(name),
            Self::Error(values) => values.value(name),
            Self::Download(values) => values.value(name),
        }
    }
}

/// The properties of an interface of an object; `None`: the interface has none. An empty name is any interface (D-Bus
/// specification, section Properties), which only the object's own can be.
fn values(call: &Call, target: &Target, interface: &str) -> Result<Option<Values>, Failure> {
    if !interface.is_empty() && !target.has(interface) {
        let text = format!("the object has no interface {interface}");
        return Err(fdo::Error::UnknownInterface(text).into());
    }
    if !interface.is_empty() && target.own_interface() != Some(interface) {
        return Ok(None);
    }
    Ok(match target {
        Target::Branch(_) | Target::Files(_) => None,
        Target::Manager => Some(Values::Manager(manager::properties(&call.service))),
        Target::Job(job) => Some(Values::Job(job::properties(job, call.service.handle()))),
        Target::File(_, file) => Some(Values::File(file::properties(file))),
        Target::Error(job, error) => Some(Values::Error(error::properties(job, error))),
        Target::Download(job) => Some(Values::Download(download::properties(job))),
    })
}

fn unknown(name: &str) -> Failure {
    fdo::Error::UnknownProperty(format!("there is no property {name}")).into()
}
