//! The life of the service: start, serve, stop.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use bgcopy_disk::{Disk, Rights};
use bgcopy_store::Store;
use tokio::{
    net::{UnixListener, UnixStream},
    runtime::Handle,
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

use crate::{
    authz::Authz,
    config::Config,
    dbus::{Bus, BusError, Service},
    driver, inherited,
    instance::{self, InstanceError, Lock},
    log, memory,
    places::{Mode, Options, Places},
    readiness::Readiness,
    runtimes::Runtimes,
};

/// Runs the service until it is told to stop. Everything it has to say goes to the log, and the first error to
/// whoever started it.
pub fn run(options: &Options) -> ExitCode {
    let readiness = Readiness::from_environment();
    match prepare(options, readiness.is_awaited()) {
        Ok(Some(prepared)) => match serve(prepared, readiness) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!("{error:#}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            // Another service came first: for the one who waits that is just as good.
            readiness.ready();
            ExitCode::SUCCESS
        }
        Err(error) => {
            // The log may not be set up yet.
            eprintln!("bgcopyd: {error:#}");
            readiness.failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// What the service needs before it can serve.
struct Prepared {
    options: Options,
    places: Places,
    config: Config,
    lock: Lock,
}

/// Reads the configuration and takes the lock; `None` when another service has it and somebody merely wants one.
fn prepare(options: &Options, is_awaited: bool) -> Result<Option<Prepared>> {
    let places = Places::find(options, |name| std::env::var_os(name).map(PathBuf::from))?;
    let config = Config::read(&places.config, places.config_named)?;
    if options.mode == Mode::System && !rustix::process::geteuid().is_root() {
        bail!("the system's service acts for every user and must be started as root");
    }
    let lock = match instance::lock(&places.state) {
        Ok(lock) => lock,
        Err(InstanceError::Running(path)) => {
            // Who waits would wait in vain.
            if let Some(elsewhere) = instance::elsewhere(&places.state, &places.socket) {
                return Err(elsewhere.into());
            }
            if !is_awaited {
                return Err(InstanceError::Running(path).into());
            }
            // Whoever started this one did not find that one.
            instance::wake_holder(&places.state);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let filter = options.log.as_deref().unwrap_or(&config.log.level);
    let file = places.state.join("daemon.log");
    log::set_up(filter, is_awaited.then_some(file.as_path()))
        .with_context(|| format!("cannot open the log {}", file.display()))?;
    Ok(Some(Prepared {
        options: options.clone(),
        places,
        config,
        lock,
    }))
}

fn serve(prepared: Prepared, readiness: Readiness) -> Result<()> {
    inherited::raise_descriptor_limit();
    memory::give_back_what_is_freed();
    let runtimes = Runtimes::new().context("cannot start the runtime")?;
    let mut readiness = Some(readiness);
    let result = runtimes.serve(|work| serve_until_stopped(prepared, work, &mut readiness));
    if let (Err(error), Some(readiness)) = (&result, readiness) {
        readiness.failed(&format!("{error:#}"));
    }
    result
}

async fn serve_until_stopped(
    prepared: Prepared,
    work: Handle,
    readiness: &mut Option<Readiness>,
) -> Result<()> {
    let Prepared {
        options,
        places,
        config,
        lock,
    } = prepared;
    let mode = options.mode;
    let stop = Arc::new(Notify::new());
    let (store, restored) = Store::open(&places.state)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        jobs = restored.jobs.len(),
        queue = %places.state.display(),
        "bgcopy starts"
    );
    let rights = if mode == Mode::System {
        Rights::Owners
    } else {
        Rights::Own
    };
    let parts = driver::Parts {
        store,
        restored,
        disk: Disk::new(rights),
        origin: bgcopy_origin::Client::new(config.origin())?,
        programs: driver::Programs::new(mode == Mode::System, Some(places.socket.clone())),
        limits: config.limits,
    };
    let started = driver::start(parts, stop.clone(), &work);
    let (handle, mut driver) = started.context("cannot start the driver")?;
    let service = Service::new(handle.clone(), Authz::new(mode), mode);
    let (listener, is_own) = listener(&places, mode, &lock)?;
    let private = tokio::spawn({
        let service = service.clone();
        async move { service.serve_private(listener).await }
    });
    if let Err(error) = join_bus(&service, mode, &places).await {
        if is_own {
            instance::unbind(&places.socket);
        }
        return Err(error);
    }
    // From here on a signal is heard: whoever is told that the service is ready may stop it the next moment.
    let mut signals = Signals::new()?;
    if let Some(readiness) = readiness.take() {
        readiness.ready();
    }
    let door = async {
        if is_own {
            keep_door_open(&service, &places, mode, &lock).await;
        }
        // Without a door of its own, or without a way to hear of it, there is nothing to keep.
        std::future::pending::<std::convert::Infallible>().await
    };
    let ended = tokio::select! {
        ended = &mut driver => ended,
        never = door => match never {},
        () = signals.received_or(&stop) => {
            tracing::info!("bgcopy stops");
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
            driver::stop(&handle).await;
            driver.await
        }
    };
    private.abort();
    if is_own {
        instance::unbind(&places.socket);
    }
    ended
        .context("the driver failed")?
        .context("the service ends")
}

/// Binds the private socket again where a client could not find it: the folder of `XDG_RUNTIME_DIR` goes with the
/// user's last session, and the service stays. Ends only when the signal cannot be heard.
async fn keep_door_open(service: &Service, places: &Places, mode: Mode, lock: &Lock) {
    let Ok(mut missed) = signal(instance::wake_signal()) else {
        return;
    };
    while missed.recv().await.is_some() {
        if UnixStream::connect(&places.socket).await.is_ok() {
            continue;
        }
        match instance::bind(&places.socket, mode, lock) {
            Ok(listener) => {
                tracing::info!("the socket was gone, and is there again");
                let service = service.clone();
                tokio::spawn(async move { service.serve_private(listener).await });
            }
            Err(error) => tracing::warn!("the socket is gone: {error}"),
        }
    }
}

/// Serves the bus of this mode too.
async fn join_bus(service: &Service, mode: Mode, places: &Places) -> Result<()> {
    match mode {
        Mode::User | Mode::Embedded => Ok(()),
        Mode::Session => match service.serve_bus(Bus::Session).await {
            // The private socket serves without it, and a login without a session bus is no fault of the user's.
            Err(BusError::Bus(error)) => {
                let socket = places.socket.display();
                tracing::warn!("not on the session bus, only on {socket}: {error}");
                Ok(())
            }
            joined => joined.context("on the session bus"),
        },
        Mode::System => {
            let joined = service.serve_bus(Bus::System).await;
            joined.context("on the system bus")
        }
    }
}

/// The private socket: the one that systemd hands over, else our own; and whether it is our own.
fn listener(places: &Places, mode: Mode, lock: &Lock) -> Result<(UnixListener, bool)> {
    if let Some(inherited) = listenfd::ListenFd::from_env().take_unix_listener(0)? {
        inherited.set_nonblocking(true)?;
        let address = inherited.local_addr()?;
        lock.says(Some(address.as_pathname().unwrap_or(&places.socket)));
        return Ok((UnixListener::from_std(inherited)?, false));
    }
    let bound = instance::bind(&places.socket, mode, lock)?;
    lock.says(Some(&places.socket));
    Ok((bound, true))
}

/// The signals that stop the service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them, or for a client's wish.
    async fn received_or(&mut self, stop: &Notify) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = stop.notified() => {}
        }
    }
}
