//! The way of a call: which object, may the caller see it, which interface, which method.

use std::sync::Arc;

use bgcopy_bus::names::{self, Object};
use bgcopy_engine::Refusal;
use bgcopy_model::{Condition, JobError};
use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use zbus::{fdo, names::InterfaceName};

use super::{
    call::{Call, Failure, Outcome},
    download, downloads, file, introspect, job, manager, polkit, properties,
};
use crate::{
    authz::Action,
    driver::{FileSnapshot, JobSnapshot},
};

/// The standard interface of properties.
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
/// The standard interface of object managers.
pub(super) const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
const PEER: &str = "org.freedesktop.DBus.Peer";

/// An object that exists and that the caller may see.
#[derive(Clone)]
pub(super) enum Target {
    /// A path on the way to objects.
    Branch(Object),
    /// The manager.
    Manager,
    /// A job.
    Job(Arc<JobSnapshot>),
    /// The way to a job's files.
    Files(Arc<JobSnapshot>),
    /// A file.
    File(Arc<JobSnapshot>, Arc<FileSnapshot>),
    /// A job's error.
    Error(Arc<JobSnapshot>, JobError),
    /// A download.
    Download(Arc<JobSnapshot>),
}

impl Target {
    /// The interface that is this object's own.
    pub(super) const fn own_interface(&self) -> Option<&'static str> {
        match self {
            Self::Branch(_) | Self::Files(_) => None,
            Self::Manager => Some(names::MANAGER),
            Self::Job(_) => Some(names::JOB),
            Self::File(..) => Some(names::FILE),
            Self::Error(..) => Some(names::ERROR),
            Self::Download(_) => Some(names::DOWNLOAD),
        }
    }

    /// Whether it has this interface.
    pub(super) fn has(&self, interface: &str) -> bool {
        match interface {
            PROPERTIES | INTROSPECTABLE | PEER => true,
            OBJECT_MANAGER => matches!(self, Self::Manager | Self::Job(_)),
            names::DOWNLOADS => matches!(self, Self::Manager),
            own => self.own_interface() == Some(own),
        }
    }
}

/// Begins a call: everything up to its first wait happens before this returns, so that calls of one connection begin
/// in the order in which they came. The rest goes on in a task of its own, and a slow call holds up nobody.
pub(super) fn begin(call: Call, permit: OwnedSemaphorePermit) {
    let mut work = Box::pin(async move {
        // Held until the answer is sent: a client that does not read holds the memory of one large answer.
        let alone = if is_large(&call) {
            // What takes long is not done on the task that reads calls.
            tokio::task::yield_now().await;
            Some(call.client.bulk.acquire().await)
        } else {
            None
        };
        let outcome = polkit::route(&call).await;
        call.conclude(outcome).await;
        drop((alone, permit));
    });
    if work.as_mut().now_or_never().is_none() {
        tokio::spawn(work);
    }
}

/// Whether the answer grows with the number of jobs or files.
fn is_large(call: &Call) -> bool {
    const LARGE: [&str; 8] = [
        "EnumDownloads",
        "EnumFiles",
        "EnumJobs",
        "GetManagedObjects",
        "Introspect",
        "ListFiles",
        "ListFilesFrom",
        "ListJobs",
    ];
    let header = call.header();
    header
        .member()
        .is_some_and(|member| LARGE.contains(&member.as_str()))
}

/// Answers a call, with the rights that the caller is known to have.
pub(super) async fn route(call: &Call) -> Outcome {
    let header = call.header();
    let (Some(path), Some(member)) = (header.path(), header.member()) else {
        return Err(fdo::Error::InvalidArgs("the call has no path or member".into()).into());
    };
    let (path, member) = (path.as_str(), member.as_str());
    let interface = header.interface().map(InterfaceName::as_str);
    // Of every process, whatever the path (D-Bus specification, section Peer).
    if interface == Some(PEER) {
        return peer(call, member);
    }
    may_speak(call)?;
    let target = find(call, path)?;
    let interface = match interface {
        Some(interface) if target.has(interface) => interface,
        Some(interface) => {
            let text = format!("{path} has no interface {interface}");
            return Err(fdo::Error::UnknownInterface(text).into());
        }
        // A call may leave the interface out where the method's name tells it.
        None => standard_interface(member)
            .or(target.own_interface())
            .unwrap_or(INTROSPECTABLE),
    };
    match interface {
        PROPERTIES => properties::call(call, &target, member).await,
        INTROSPECTABLE => introspect::introspect(call, &target, path, member),
        OBJECT_MANAGER => introspect::managed_objects(call, &target, member),
        PEER => peer(call, member),
        _ => match &target {
            Target::Manager if interface == names::DOWNLOADS => downloads::call(call, member).await,
            Target::Manager => manager::call(call, member).await,
            Target::Download(snapshot) => download::call(call, snapshot, member).await,
            Target::Job(snapshot) => job::call(call, snapshot, member).await,
            Target::File(snapshot, found) => file::call(call, snapshot, found, member).await,
            // Errors have properties alone.
            _ => Err(no_method(interface, member)),
        },
    }
}

/// A user who may not connect can still reach the service on a bus.
fn may_speak(call: &Call) -> Result<(), Failure> {
    let user = call.client.caller.user;
    if call.service.authz().may(user, Action::Connect) {
        return Ok(());
    }
    let detail = "this service belongs to another user";
    Err(Refusal::new(Condition::AccessDenied, detail).into())
}

/// The object at `path`, if it is there and the caller may see it.
fn find(call: &Call, path: &str) -> Result<Target, Failure> {
    let unknown = || {
        Failure::from(fdo::Error::UnknownObject(format!(
            "there is no object {path}"
        )))
    };
    let object = Object::parse(path).ok_or_else(unknown)?;
    let Some(id) = object.job() else {
        return Ok(match object {
            Object::Manager => Target::Manager,
            branch => Target::Branch(branch),
        });
    };
    let view = call.service.handle().view();
    let found = match object {
        Object::Download(_) => view.download(id),
        _ => view.job(id),
    };
    let job = found.ok_or_else(unknown)?;
    if !call.may(Action::See(job.owner)) {
        return Err(foreign(&job));
    }
    match object {
        Object::Files(_) => Ok(Target::Files(job)),
        Object::File(file) => {
            let found = job.files.get(file.index as usize).cloned();
            found
                .map(|file| Target::File(job, file))
                .ok_or_else(unknown)
        }
        Object::Error(_) => {
            let error = job.error.clone().ok_or_else(unknown)?;
            Ok(Target::Error(job, error))
        }
        Object::Download(_) => Ok(Target::Download(job)),
        _ => Ok(Target::Job(job)),
    }
}

/// The refusal for somebody else's job.
pub(super) fn foreign(job: &JobSnapshot) -> Failure {
    let condition = Condition::AccessDenied;
    Failure::Refused(
        Refusal::new(condition, condition.description()),
        job.profile,
    )
}

/// The standard error for a method that the interface does not have.
pub(super) fn no_method(interface: &str, member: &str) -> Failure {
    let text = format!("{interface} has no method {member}");
    fdo::Error::UnknownMethod(text).into()
}

fn standard_interface(member: &str) -> Option<&'static str> {
    Some(match member {
        "Get" | "GetAll" | "Set" => PROPERTIES,
        "Introspect" => INTROSPECTABLE,
        "GetManagedObjects" => OBJECT_MANAGER,
        "Ping" | "GetMachineId" => PEER,
        _ => return None,
    })
}

fn peer(call: &Call, member: &str) -> Outcome {
    match member {
        "Ping" => {
            call.arguments::<()>()?;
            call.done()
        }
        "GetMachineId" => {
            call.arguments::<()>()?;
            call.answer(&machine_id()?)
        }
        _ => Err(no_method(PEER, member)),
    }
}

/// The machine's identity, where systemd or D-Bus has put it (machine-id(5)).
#[expect(
    clippy::disallowed_methods,
    reason = "a file of the machine, with a fixed name, that no caller names"
)]
fn machine_id() -> Result<String, fdo::Error> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .into_iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .ok_or_else(|| fdo::Error::FileNotFound("this machine has no /etc/machine-id".into()))
}
