//! What runs outside the service on behalf of a job: its notification program, and the client that its bus starts.
//!
//! A program is given by its arguments and never passes through a shell; it runs as the job's owner, in an environment
//! that the service makes, and reports through its exit status alone. It must never run with more rights than the
//! owner has, and never hold up the driver.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bgcopy_bus::names::job_path;
use bgcopy_engine::{Delivery, JobView, Notification};
use bgcopy_model::{HResult, JobId, Owner};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    sync::{Semaphore, mpsc},
};

use super::{Message, account::Account, callbacks::report};
use crate::activation;

/// How long a program may run. After that it is killed, and whatever is in its process group.
const LONGEST: Duration = Duration::from_mins(10);

/// Programs of one owner that run at once; a queue of a thousand jobs can end in one moment.
const AT_ONCE: usize = 8;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How programs are run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Whether they run as the owner of the job (system service), or as the service does.
    as_owner: bool,
    /// The private socket, for a program that calls the service; a service within another process has none.
    socket: Option<PathBuf>,
    turns: Arc<Mutex<HashMap<Owner, Arc<Semaphore>>>>,
}

/// A notification program to run.
pub(super) struct Run {
    job: JobId,
    delivery: Delivery,
    event: &'static str,
    owner: Owner,
    command: Vec<String>,
    error: Option<(HResult, String)>,
}

/// A client to start.
pub(super) struct Start {
    job: JobId,
    owner: Owner,
    name: String,
}

impl Run {
    /// The program of a job, as the job is at this step.
    pub(super) fn of(job: JobView<'_>, delivery: Delivery, notification: Notification) -> Self {
        let record = job.record();
        let error = job
            .error()
            .filter(|_| notification == Notification::JobError);
        Self {
            job: record.id,
            delivery,
            event: match notification {
                Notification::JobError => "error",
                _ => "transferred",
            },
            owner: record.owner,
            command: record.notify_command.clone(),
            error: error.map(|error| (error.code(record.profile), error.detail.clone())),
        }
    }

    /// What tells the program why it runs.
    fn variables(&self) -> Vec<(&'static str, OsString)> {
        let (code, text) = match &self.error {
            Some((code, text)) => (format!("0x{:08x}", code.0), text.replace('\0', "")),
            None => (String::new(), String::new()),
        };
        vec![
            ("BGCOPY_JOB", self.job.to_string().into()),
            ("BGCOPY_JOB_PATH", job_path(self.job).as_str().into()),
            ("BGCOPY_EVENT", self.event.into()),
            ("BGCOPY_ERROR_CODE", code.into()),
            ("BGCOPY_ERROR", text.into()),
        ]
    }
}

impl Start {
    /// The client of a job; `None` when the job names none.
    pub(super) fn of(job: JobView<'_>) -> Option<Self> {
        let record = job.record();
        Some(Self {
            job: record.id,
            owner: record.owner,
            name: record.activation.clone()?,
        })
    }
}

impl Programs {
    /// Programs of a service whose private socket, if it has one, is `socket`. `as_owner`: of the system's service, which
    /// must be able to take on the rights of others.
    pub fn new(as_owner: bool, socket: Option<PathBuf>) -> Self {
        Self {
            as_owner,
            socket,
            turns: Arc::default(),
        }
    }

    /// Runs a notification program beside the driver and reports how it ended.
    pub(super) fn run(&self, run: Run, messages: mpsc::UnboundedSender<Message>) {
        let programs = self.clone();
        tokio::spawn(async move {
            let ended = programs.notify(&run).await;
            if let Err(text) = &ended {
                tracing::warn!(job = %run.job, "the notification program failed: {text}");
            }
            report(&messages, run.job, run.delivery, ended);
        });
    }

    /// Starts a client beside the driver.
    pub(super) fn start(&self, start: Start) {
        let programs = self.clone();
        tokio::spawn(async move {
            let Start { job, owner, name } = start;
            match programs.activate(owner, &name).await {
                Ok(()) => tracing::debug!(%job, name, "the client was started"),
                Err(text) => tracing::warn!(%job, name, "the client cannot be started: {text}"),
            }
        });
    }

    async fn notify(&self, run: &Run) -> Result<(), String> {
        let Some((program, arguments)) = run.command.split_first() else {
            return Err("the job has no notification program".to_owned());
        };
        let turn = self.turn(run.owner);
        // The semaphore is never closed.
        let _turn = turn.acquire().await;
        let command = |arguments: &[String]| {
            let mut command = Command::new(program);
            command.args(arguments).envs(run.variables());
            command
        };
        let child = self.spawn(run.owner, command(arguments)).await?;
        let ended = ended(child).await?;
        if ended.success() {
            return Ok(());
        }
        Err(format!("{program} ended with {ended}"))
    }

    async fn activate(&self, owner: Owner, name: &str) -> Result<(), String> {
        if !self.as_owner {
            let started = activation::start(name).await;
            return started.map_err(|error| error.to_string());
        }
        let turn = self.turn(owner);
        let _turn = turn.acquire().await;
        // This very program, also after an update has replaced it on the disk. The session bus lets nobody in but its
        // own user.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("bgcopy").args(["daemon", "activate", name]);
        let bus = runtime_folder(owner).join("bus");
        let mut address = OsString::from("unix:path=");
        address.push(bus);
        command.env("DBUS_SESSION_BUS_ADDRESS", address);
        let ended = ended(self.spawn(owner, command).await?).await?;
        if ended.success() {
            return Ok(());
        }
        Err(format!(
            "the owner's session bus does not start it ({ended})"
        ))
    }

    /// Starts a program in the owner's home with a clean environment; the variables that it has already stay.
    async fn spawn(&self, owner: Owner, command: Command) -> Result<Child, String> {
        let (as_owner, socket) = (self.as_owner, self.socket.clone());
        let runtime = tokio::runtime::Handle::current();
        let (done, spawned) = tokio::sync::oneshot::channel();
        // A thread of its own: it looks users up, which can take long, and it changes its rights.
        std::thread::Builder::new()
            .name("bgcopy-spawn".into())
            .spawn(move || {
                let _inside = runtime.enter();
                let _ = done.send(spawn_on_this_thread(
                    owner,
                    command,
                    as_owner,
                    socket.as_deref(),
                ));
            })
            .map_err(|error| format!("no thread can be started: {error}"))?;
        spawned
            .await
            .unwrap_or_else(|_| Err("the program could not be started".to_owned()))
    }

    fn turn(&self, owner: Owner) -> Arc<Semaphore> {
        // A map is whole between any two statements.
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for: no owner is remembered for good.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        let turn = turns
            .entry(owner)
            .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        turn.clone()
    }
}

fn spawn_on_this_thread(
    owner: Owner,
    mut command: Command,
    as_owner: bool,
    socket: Option<&Path>,
) -> Result<Child, String> {
    let account = if as_owner {
        Some(Account::of(owner)?)
    } else {
        // A user without an entry, as in a container, has an environment.
        Account::of(owner).ok()
    };
    let own = command.as_std().get_envs();
    let own: Vec<(OsString, OsString)> = own
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let home = home(account.as_ref(), as_owner);
    command
        .env_clear()
        .envs(surroundings(owner, account.as_ref(), as_owner))
        .env("HOME", &home)
        .envs(socket.map(|socket| ("BGCOPY_SOCKET", socket)))
        .envs(own)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    if let Some(account) = account.filter(|_| as_owner) {
        let failed = |error| format!("the rights of {} cannot be taken on: {error}", account.name);
        account.take_on(&mut command).map_err(failed)?;
    }
    // A home that is not there, or that the owner may not enter, is no reason not to tell the owner.
    let spawned = command.current_dir(home).spawn();
    spawned
        .or_else(|_| command.current_dir("/").spawn())
        .map_err(|error| {
            let program = command.as_std().get_program().to_string_lossy();
            format!("{program} cannot be run: {error}")
        })
}

fn home(account: Option<&Account>, as_owner: bool) -> PathBuf {
    let own = std::env::var_os("HOME").filter(|_| !as_owner);
    own.map(PathBuf::from)
        .or_else(|| account.map(|account| account.home.clone()))
        .filter(|home| home.is_absolute())
        .unwrap_or_else(|| PathBuf::from("/"))
}

fn surroundings(
    owner: Owner,
    account: Option<&Account>,
    as_owner: bool,
) -> Vec<(&'static str, OsString)> {
    let mut variables = vec![("PATH", OsString::from(PATH))];
    if let Some(account) = account {
        variables.push(("USER", account.name.clone().into()));
        variables.push(("LOGNAME", account.name.clone().into()));
    }
    let runtime = if as_owner {
        Some(runtime_folder(owner).into_os_string())
    } else {
        std::env::var_os("XDG_RUNTIME_DIR")
    };
    variables.extend(runtime.map(|folder| ("XDG_RUNTIME_DIR", folder)));
    variables
}

/// Where logind puts a user's sockets (`pam_systemd(8)`).
fn runtime_folder(owner: Owner) -> PathBuf {
    PathBuf::from(format!("/run/user/{}", owner.uid))
}

/// Waits for a program's end, or brings it about.
async fn ended(mut child: Child) -> Result<ExitStatus, String> {
    let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    if let Ok(ended) = tokio::time::timeout(LONGEST, child.wait()).await {
        return ended.map_err(|error| format!("its end is not known: {error}"));
    }
    if let Some(group) = group {
        // The child is not reaped, so the number is still its own.
        let _ = kill_process_group(group, Signal::KILL);
    }
    // Leaves no zombie behind.
    let _ = child.wait().await;
    Err(format!(
        "it was killed after {} minutes",
        LONGEST.as_secs() / 60
    ))
}
