//! Starts the daemon: from options to a running loop, and from there to a clean shutdown.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::agent::Agent;
use super::descriptors;
use super::doorway::{self, Doorway};
use super::driver::Driver;
use super::event::Sources;
use super::follow::Followers;
use super::job_file::JobFile;
use super::log_throttle::LogThrottle;
use super::reading::{self, Bad, Good, Kept, Reading};
use super::retention::{self, Retention};
use super::scrape::WriteProbe;
use super::standing::Standing;
use super::timer::{Alarm, ClockWatch};
use crate::agent::Keep;
use crate::agent::notifications::{FRAMES_WAITING, Listener};
use crate::alerts::{self, Courier};
use crate::clock;
use crate::config::Content;
use crate::control::limits::WAITING_MAX;
use crate::core::event_loop::EventLoop;
use crate::metrics::counters::Tally;
use crate::signals::{Signal, Signals};
use crate::store::folder::{DATABASE, StateFolder};
use crate::store::thread::{StoreHandle, StoreThread};
use crate::systemd;
use crate::watch::Watch;
use crate::web::limits::ASKS_MAX;
use crate::web::listener::{Wanted, Web};

/// The longest time for closing the database: it holds nothing that is not durable already.
const CLOSE_MAX: Duration = Duration::from_millis(300);

/// The options of a daemon.
#[derive(Clone, Debug)]
pub struct Options {
    /// The job file, or the folder of them.
    pub config: PathBuf,
    /// The state folder.
    pub state_folder: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The control socket's mode.
    pub socket_mode: u32,
    /// Whether the daemon handles signals.
    pub signals: bool,
    /// Stops the daemon when it is canceled.
    pub stop: CancellationToken,
}

/// Why a daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The job file is invalid, and there never was a valid one.
    #[error("{0}")]
    BadConfig(String),
    /// Any other error, as a message.
    #[error("{0}")]
    Failed(String),
}

/// Runs a daemon in the foreground until it is asked to stop.
///
/// # Errors
/// Why it did not start.
pub fn run(options: Options) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed("the daemon can't start", &error))?;
    let result = runtime.block_on(live(options));
    // Requests to the agent are abandoned: looking settles them later.
    runtime.shutdown_background();
    result
}

async fn live(options: Options) -> Result<(), StartError> {
    // First of all: each of them kills a process that does not handle it.
    let mut signals = match options.signals {
        true => Some(hear_signals().map_err(|e| failed("signals can't be heard", &e))?),
        false => None,
    };
    let mut reload_owed = false;
    let begun = tokio::select! {
        biased;
        () = stopped(signals.as_mut(), &mut reload_owed) => return Ok(()),
        begun = begin(&options) => begun?,
    };
    let store = begun.store.clone();
    let result = live_on(options, begun, signals, reload_owed).await;
    if let Ok(Err(error)) = tokio::time::timeout(CLOSE_MAX, store.close()).await {
        tracing::warn!("the database could not be closed: {error}");
    }
    result
}

/// Waits for a signal to stop; a request to read the job file is noted.
async fn stopped(signals: Option<&mut Signals>, reload_owed: &mut bool) {
    let Some(signals) = signals else { return std::future::pending().await };
    while signals.next().await == Signal::Reload {
        *reload_owed = true;
    }
}

/// The parts of a daemon that has read its job file and opened its database.
struct Begun {
    folder: StateFolder,
    store: StoreHandle,
    first: First,
}

async fn begin(options: &Options) -> Result<Begun, StartError> {
    let now = clock::now();
    if !options.state_folder.join(DATABASE).exists() {
        // Without a database there is no last good job file to fall back on: an invalid one ends
        // the start before anything is created.
        let reading = reading::read(options.config.clone(), None).await;
        reading.outcome.map_err(|bad| StartError::BadConfig(bad.full))?;
    }
    let folder = StateFolder::open(&options.state_folder, now).map_err(words)?;
    let store = StoreThread::spawn(folder.open_store().map_err(words)?);
    let first = first_job_set(&options.config, &store).await?;
    Ok(Begun { folder, store, first })
}

async fn live_on(
    options: Options,
    begun: Begun,
    signals: Option<Signals>,
    reload_owed: bool,
) -> Result<(), StartError> {
    let Begun { folder, store, first } = begun;
    let First { content, bad, read_at, watched, unkept } = first;
    let (path, mode) = (options.socket.clone(), options.socket_mode);
    let opened = doorway::bind(&path, mode).map_err(|error| cant_bind(&path, &error))?;
    let (events, events_in) = mpsc::unbounded_channel();
    let (requests, requests_in) = mpsc::channel(WAITING_MAX);
    let (asks, asks_in) = mpsc::channel(ASKS_MAX);
    let (hint, hints_in) = mpsc::channel(1);
    let (frames, frames_in) = mpsc::channel(FRAMES_WAITING);
    let sources = Sources {
        events: events_in,
        requests: requests_in,
        asks: asks_in,
        hints: hints_in,
        frames: frames_in,
        watch: Watch::start(Vec::new()).map_err(|e| failed("files can't be watched", &e))?,
        signals,
        reload_owed,
        stop: options.stop,
        alarm: Alarm::new().map_err(|e| failed("no alarm can be had", &e))?,
        watchdog: Sources::watchdog(systemd::watchdog()),
    };
    let first = store.agent_user().await.map_err(words)?;
    let listener = Listener { hint, frames };
    let agent = Agent::new(&content.settings.agent, listener, first, remembering(&store))
        .map_err(|e| StartError::BadConfig(e.to_string()))?;
    let snapshot = store.load().await.map_err(words)?;
    let (host, now) = (super::host(), clock::now());
    let newest = store.history(retention::newest()).await.map_err(words)?;
    let newest = newest.first().map(|found| found.run.created_at);
    let mut tally = Tally::default();
    tally.resume(&snapshot);
    let event_loop = EventLoop::recover(snapshot, Arc::clone(&content.set), host.clone(), now);
    let job_file = JobFile::new(options.config.clone(), bad, now, unkept);
    let courier = Courier::new(&host.hostname);
    let web = Web::start(Wanted::of(&content.settings), &host.hostname, asks, requests.clone());
    let doorway = Doorway::open(path.clone(), mode, requests, opened)
        .map_err(|error| cant_bind(&path, &error))?;
    let mut driver = Driver {
        event_loop,
        store,
        sources,
        events,
        agent,
        courier,
        job_file,
        in_force: content,
        log_throttle: LogThrottle::default(),
        tally,
        web,
        write_probe: WriteProbe::default(),
        clock: ClockWatch::new(now, clock::since_boot()),
        pending: HashMap::new(),
        replies: 0,
        followers: Followers::new(),
        status_waiters: Vec::new(),
        started_at: now,
        retention: Retention::new(newest, now, clock::since_boot()),
        service_status: String::new(),
        doorway,
        standing: Standing::new(),
        stopping: false,
        fatal: None,
    };
    tracing::info!(
        "transferd {} started: job file `{}`, state `{}`, control socket `{}`",
        env!("CARGO_PKG_VERSION"),
        options.config.display(),
        folder.path().display(),
        options.socket.display()
    );
    driver.agent.look_at_token(&driver.events);
    driver.watch(watched, read_at);
    driver.begin().await;
    systemd::ready(&driver.service_status);
    driver.turn_until_stopped().await;
    systemd::stopping();
    tracing::info!("stopping; transfers go on at the agent");
    driver.doorway.close();
    driver.agent.log_out().await;
    // A disk that hangs holds up no stop.
    let _ = tokio::time::timeout(CLOSE_MAX, driver.keep_job_file_at_the_end()).await;
    driver.fatal.take().map_or(Ok(()), |words| Err(StartError::Failed(words)))
}

/// Handles signals, and takes charge of processes that alert commands leave behind: for a process
/// that owns its signals and children.
fn hear_signals() -> io::Result<Signals> {
    descriptors::raise_limit();
    Signals::ignore_the_meaningless()?;
    tokio::spawn(async {
        let Err(error) = alerts::adopt_orphans().await;
        tracing::warn!("what an alert's command leaves behind can't be looked after: {error}");
    });
    Signals::listen()
}

/// Keeps in the database which user first held the agent's port.
fn remembering(store: &StoreHandle) -> Keep {
    let store = store.clone();
    Arc::new(move |uid| {
        let store = store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.save_agent_user(uid).await {
                // The next daemon finds it out again.
                tracing::warn!("the agent's user could not be remembered: {error}");
            }
        });
    })
}

/// The job file to start with.
struct First {
    content: Content,
    /// The errors in the job file, if these are the last good jobs instead.
    bad: Option<Bad>,
    /// When the reading of the file began, and the files to watch for its changes.
    read_at: Timestamp,
    watched: Vec<PathBuf>,
    /// The texts, if they are to be kept.
    unkept: Option<Kept>,
}

/// Reads the job file; where it is invalid, the last good one.
async fn first_job_set(path: &Path, store: &StoreHandle) -> Result<First, StartError> {
    let reading = reading::read(path.to_owned(), None).await;
    let Reading { began: read_at, warnings, watched, outcome, .. } = reading;
    let watched = watched.unwrap_or_else(|| vec![path.to_owned()]);
    for warning in warnings.iter().filter(|warning| !warning.document.note) {
        tracing::warn!("{}", warning.summary);
    }
    let bad = match outcome {
        Ok(good) => {
            let Good { content, kept, .. } = good;
            return Ok(First { content, bad: None, read_at, watched, unkept: Some(kept) });
        }
        Err(bad) => bad,
    };
    let Some(kept) = store.last_job_set().await.map_err(words)? else {
        return Err(StartError::BadConfig(bad.full));
    };
    // A text that an older version accepted may be refused by this one.
    let Ok(sources) = serde_json::from_str(&kept) else {
        return Err(StartError::BadConfig(bad.full));
    };
    match reading::last_good(sources).await.outcome {
        Ok(Good { content, .. }) => {
            tracing::error!(
                "the job file is invalid, the jobs that were good last stay: {}",
                bad.summary
            );
            Ok(First { content, bad: Some(bad), read_at, watched, unkept: None })
        }
        Err(_) => Err(StartError::BadConfig(bad.full)),
    }
}

fn cant_bind(path: &Path, error: &io::Error) -> StartError {
    match error.kind() {
        io::ErrorKind::AddrInUse => StartError::Failed(format!(
            "another daemon answers at `{}`: stop it, or name another folder with `--state-dir`",
            path.display()
        )),
        _ => failed(&format!("the control socket `{}` can't be bound", path.display()), error),
    }
}

fn words(error: impl std::fmt::Display) -> StartError {
    StartError::Failed(error.to_string())
}

fn failed(what: &str, error: &io::Error) -> StartError {
    StartError::Failed(format!("{what}: {error}"))
}
