//! Commands: a program of the operator's, given the document; it has delivered it if it ends well.
//!
//! No shell is between. The program has a process group of its own, which is killed when its time
//! is up and when this process stops: what it has started goes with it.

use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::document::Document;
use super::limits::{COMMAND_MAX, LAST_WORDS_MAX, OUTPUT_MAX};
use crate::core::alert::Delivery;

/// Variables that are meant for this process alone: by glibc's our allocator is tuned, the others
/// are of the service manager.
const OURS: [&str; 8] = [
    "GLIBC_TUNABLES",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "CREDENTIALS_DIRECTORY",
];

/// A process group that is killed when this is dropped before its leader has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Its leader has ended, and its number may be another's soon.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It has ended by itself meanwhile, if this fails.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs the command to its end.
pub(super) async fn run(
    document: &Document<'_>,
    words: &[String],
    withheld: &[String],
) -> Result<(), Delivery> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Delivery::Refused("the command names no program".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in OURS.into_iter().chain(withheld.iter().map(String::as_str)) {
        command.env_remove(name);
    }
    command.envs(document.variables());
    let mut child = command
        .spawn()
        .map_err(|error| Delivery::Failed(format!("`{program}` can't be run: {error}")))?;
    let group = Group::of(&child);
    let said = Mutex::new(Vec::new());
    let ended = timeout(COMMAND_MAX, to_its_end(&mut child, document.json(), &said)).await;
    let outcome = match ended {
        Ok(Ok(status)) if status.success() => {
            group.has_ended();
            return Ok(());
        }
        Ok(Ok(status)) => {
            group.has_ended();
            how_it_ended(status)
        }
        Ok(Err(error)) => format!("how it ended is not known: {error}"),
        Err(_) => {
            drop(group);
            format!("it did not end within {COMMAND_MAX:?} and was killed")
        }
    };
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    let said = String::from_utf8_lossy(&said);
    Err(Delivery::Failed(match said.trim() {
        "" => outcome,
        said => format!("{outcome}: {said}"),
    }))
}

/// Feeds the document to the child, hears what it says, and waits for its end.
async fn to_its_end(
    child: &mut Child,
    document: Vec<u8>,
    said: &Mutex<Vec<u8>>,
) -> std::io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // One that does not read it goes by its variables.
            let _ = stdin.write_all(&document).await;
        }
    };
    let talk = async {
        tokio::join!(feed, hear(stdout, said), hear(stderr, said));
    };
    tokio::pin!(talk);
    let mut talking = true;
    loop {
        tokio::select! {
            () = &mut talk, if talking => talking = false,
            status = child.wait() => {
                if talking {
                    // What comes later says nothing of this end.
                    let _ = timeout(LAST_WORDS_MAX, talk).await;
                }
                return status;
            }
        }
    }
}

/// Reads a pipe to its end, and keeps what fits.
async fn hear(pipe: Option<impl AsyncRead + Unpin>, said: &Mutex<Vec<u8>>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let room = OUTPUT_MAX.saturating_sub(said.len());
        said.extend_from_slice(&buffer[..read.min(room)]);
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("it was ended by signal {signal}"),
        (None, None) => "it ended in an unknown way".to_owned(),
    }
}
