//! Commands: a program of the operator's, given the document; it has delivered it if it ends well.
//!
//! No shell is between. The program has a process group of its own, which is killed when its time
//! is up and when this process stops: what it has started goes with it.

use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::document::Document;
use super::limits::{LAST_WORDS_MAX, OUTPUT_MAX};
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

/// Runs the command to its end, or for so long.
pub(super) async fn run(
    document: &Document<'_>,
    words: &[String],
    withheld: &[String],
    limit: Duration,
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
    let ended = timeout(limit, to_its_end(&mut child, document.json(), &said)).await;
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
            format!("it did not end within {limit:?} and was killed")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::alert::{Occasion, QueuedAlert};
    use crate::core::ids::{AlertId, AlertKey};
    use crate::core::job::AlertEvent;

    /// Longer than any of these commands takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn sh(script: &str, limit: Duration) -> Result<(), Delivery> {
        let alert = QueuedAlert {
            id: AlertId(uuid::Uuid::from_u128(1)),
            number: 1,
            key: AlertKey(uuid::Uuid::from_u128(2)),
            occasion: Occasion::Event(AlertEvent::Late),
            at: jiff::Timestamp::UNIX_EPOCH,
            job: None,
            run: None,
            state: None,
            reason: "no success".to_owned(),
            scheduled_for: None,
            attempts: 0,
            text: "late".to_owned(),
            tries: 0,
            next_try: jiff::Timestamp::UNIX_EPOCH,
            last_error: None,
        };
        let document = Document::new(&alert, "station", false);
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&document, &words, &["HOME".to_owned()], limit))
    }

    fn words(result: Result<(), Delivery>) -> String {
        match result {
            Err(Delivery::Failed(words)) => words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_takes_too_long_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("child");
        let script = format!("sleep 1000 & echo $! > {}; echo still at it; wait", path.display());
        let said = words(sh(&script, Duration::from_secs(1)));
        assert_eq!(said, "it did not end within 1s and was killed: still at it");
        let child: i32 = std::fs::read_to_string(&path).unwrap().trim().parse().unwrap();
        // It may still be there for whoever inherited it to take note of its end.
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        assert!(state.is_empty() || state.starts_with(['Z', 'X', 'R']), "{stat}");
    }

    #[test]
    fn much_output_is_cut_and_does_not_stop_the_command() {
        let said = words(sh("head -c 1000000 /dev/zero | tr '\\0' x; exit 7", PATIENCE));
        assert!(said.starts_with("it ended with exit code 7: xxx"), "{said}");
        assert!(said.len() < OUTPUT_MAX + 100, "{}", said.len());
    }

    #[test]
    fn one_that_reads_nothing_or_leaves_something_running_has_ended_all_the_same() {
        assert_eq!(sh("exec 0<&-; exit 0", PATIENCE), Ok(()));
        assert_eq!(sh("sleep 5 & exit 0", PATIENCE), Ok(()));
    }

    #[test]
    fn what_is_withheld_is_not_handed_on() {
        assert_eq!(sh("test -z \"$HOME\" && test \"$TRANSFERD_EVENT\" = late", PATIENCE), Ok(()));
    }
}
