//! The set-up of a demo: a folder, the simulated agent, and the daemon on its own thread.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::control::client::Client;
use crate::control::document::RunDocument;
use crate::control::request::{HISTORY_MAX, HistoryQuery, StatusQuery};
use crate::control::socket;
use crate::core::transfer::TransferStatus;
use crate::daemon::{self, Options, StartError};
use crate::sim::server::{Sim, SimHandle, SimOptions};
use crate::sim::world::{Ending, Fault, Script, Span, WorldOptions};

const JOBS: &str = include_str!("jobs.yaml");

/// How long the daemon may take to answer at its socket for the first time.
const START_MAX: Duration = Duration::from_secs(10);

/// The time between two tries until then.
const START_TRY: Duration = Duration::from_millis(20);

/// A demo under way.
pub(super) struct Stage {
    folder: PathBuf,
    /// Removes the folder at the end, if it is temporary.
    _temporary: Option<tempfile::TempDir>,
    agent: SimHandle,
    client: Arc<Client>,
    /// The address of the page.
    page: SocketAddr,
    stop: CancellationToken,
    ended: oneshot::Receiver<Result<(), StartError>>,
}

/// The simulated agent's own books: transfers requested, and completed in full, by run.
pub(super) type AgentRecord = BTreeMap<String, (usize, usize)>;

impl Stage {
    /// Sets up a demo in `folder`, or in a temporary one.
    pub(super) async fn set(folder: Option<&Path>, seed: u64) -> Result<Self, String> {
        let (folder, temporary) = match folder {
            Some(folder) => (folder.to_owned(), None),
            None => {
                let private = std::fs::Permissions::from_mode(0o700);
                let made = tempfile::Builder::new()
                    .prefix("transferd-demo-")
                    .permissions(private)
                    .tempdir();
                let made = made.map_err(|error| format!("no folder can be made: {error}"))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let cant = |error: std::io::Error| {
            format!("the folder `{}` can't be used: {error}", folder.display())
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(cant)?;
        let options = SimOptions {
            world: world(),
            seed,
            port: 0,
            state: Some(folder.join("transferd.demo.agent")),
        };
        let started = Sim::start(options).await;
        let (agent, url) =
            started.map_err(|error| format!("the simulated agent can't run: {error}"))?;
        let jobs = folder.join("transferd.demo.yaml");
        write(&folder.join("transferd.demo.token"), WorldOptions::DEFAULT_TOKEN).map_err(cant)?;
        write(&jobs, &JOBS.replace("url: URL", &format!("url: {url}"))).map_err(cant)?;
        let stop = CancellationToken::new();
        let options = Options {
            config: jobs,
            state_folder: folder.clone(),
            socket: folder.join(socket::NAME),
            socket_mode: 0o600,
            signals: false,
            stop: stop.clone(),
        };
        let mut ended = start(options)?;
        let client = first_contact(&folder.join(socket::NAME), &mut ended).await?;
        let page = page(&client).await?;
        let client = Arc::new(client);
        Ok(Self { folder, _temporary: temporary, agent, client, page, stop, ended })
    }

    /// An introduction: what is shown, and where else to look.
    pub(super) fn words(&self) -> String {
        format!(
            "transferd demo: six jobs on schedules of seconds, on a simulated agent at {}\n\
             in a browser: http://{}/\n\
             from another terminal:\n  transferd --state-dir {} status -w\n",
            self.agent.url(),
            self.page,
            self.folder.display()
        )
    }

    /// The daemon's socket.
    pub(super) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Waits for a daemon that ends by itself, which it must not.
    pub(super) async fn fallen(&mut self) -> String {
        match (&mut self.ended).await {
            Ok(Ok(())) => "the daemon has stopped".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the daemon has died".to_owned(),
        }
    }

    /// All runs, newest first.
    pub(super) async fn history(&self) -> Vec<RunDocument> {
        let query = HistoryQuery { limit: Some(HISTORY_MAX), ..HistoryQuery::default() };
        self.client.history(&query).await.unwrap_or_default()
    }

    /// The agent's own books. Destinations end in the run's id.
    pub(super) fn agent_record(&self) -> AgentRecord {
        self.agent.with(|world, now| {
            let mut record = AgentRecord::new();
            for transfer in world.transfers() {
                let path = transfer.request.destination.path.trim_end_matches('/');
                let run = path.rsplit('/').next().unwrap_or_default().to_owned();
                let (asked, completed) = record.entry(run).or_default();
                *asked += 1;
                let whole = transfer.progress(now).objects_failed == 0;
                if transfer.status == TransferStatus::Completed && whole {
                    *completed += 1;
                }
            }
            record
        })
    }

    /// Stops daemon and agent.
    pub(super) async fn clear(self) -> Result<(), String> {
        self.stop.cancel();
        let ended = self.ended.await;
        self.agent.stop().await;
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the daemon has died".to_owned()),
        }
    }
}

/// Starts the daemon on its own thread.
fn start(options: Options) -> Result<oneshot::Receiver<Result<(), StartError>>, String> {
    let (tell, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("daemon".to_owned())
        .spawn(move || drop(tell.send(daemon::run(options))))
        .map_err(|error| format!("the daemon can't start: {error}"))?;
    Ok(ended)
}

/// Waits until the daemon answers at its socket.
async fn first_contact(
    path: &Path,
    ended: &mut oneshot::Receiver<Result<(), StartError>>,
) -> Result<Client, String> {
    let trying = async {
        loop {
            if let Ok(client) = Client::connect(path) {
                return client;
            }
            tokio::time::sleep(START_TRY).await;
        }
    };
    tokio::select! {
        client = tokio::time::timeout(START_MAX, trying) => {
            client.map_err(|_| "the daemon does not answer".to_owned())
        }
        end = ended => Err(match end {
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(())) | Err(_) => "the daemon has died".to_owned(),
        }),
    }
}

/// Waits until the page is served, and returns its address.
async fn page(client: &Client) -> Result<SocketAddr, String> {
    let query = StatusQuery { detail: true, ..StatusQuery::default() };
    let trying = async {
        loop {
            let status = client.status(&query).await.map_err(|error| error.to_string())?;
            if let Some(at) = status.served_at {
                return Ok(at);
            }
            tokio::time::sleep(START_TRY).await;
        }
    };
    let waited = tokio::time::timeout(START_MAX, trying).await;
    waited.unwrap_or_else(|_| Err("the page is not served".to_owned()))
}

/// Writes a private file, whole or not at all.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(fresh, path)
}

/// A world in which each job meets the situation that it shows.
fn world() -> WorldOptions {
    let about =
        |destination: &str| Script { destination: format!("{destination}/"), ..Script::default() };
    let lasting = |millis| Some(SignedDuration::from_millis(millis));
    // Every second request of `flaky` fails: each run's first one.
    let flaky = (0..FLAKY_TURNS).map(|turn| Script {
        skip: 2 * turn,
        times: Some(1),
        duration: lasting(1_500),
        ending: Some(Ending::Error),
        ..about("flaky")
    });
    let others = [
        Script { duration: lasting(3_000), ..about("dailies") },
        Script { ending: Some(Ending::Stall), ..about("stuck") },
        Script { duration: lasting(5_000), ..about("long") },
        Script { duration: lasting(2_000), ending: Some(Ending::Partial), ..about("partial") },
        Script { duration: lasting(2_500), fault: Some(Fault::LoseAfter), ..about("lost") },
    ];
    WorldOptions {
        pick_up: Span::millis(100, 600),
        duration: Span::millis(1_500, 2_500),
        cancel_takes: Span::millis(200, 700),
        objects: (20, 60),
        object_bytes: (20_000_000, 300_000_000),
        scripts: flaky.chain(others).collect(),
        ..WorldOptions::default()
    }
}

/// Runs of `flaky` that fail once: an hour of them.
const FLAKY_TURNS: u32 = 360;
