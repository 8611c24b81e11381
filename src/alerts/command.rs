//! Commands: runs the operator's program with the document; a successful exit means delivered.
//!
//! No shell is involved. When its time is up, and when this process stops, the program is killed
//! with its process group and all descendants, wherever they are now ([`descendants`]).

use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::descendants::{self, MARK};
use super::document::Document;
use super::limits::{FILES_MAX, LAST_WORDS_MAX, OUTPUT_MAX, SAID_MAX};
use super::program;
use crate::clock;
use crate::core::alert::Delivery;
use crate::core::plain::one_line;
use crate::privacy::mask;

/// Variables of the service manager that are for this process alone (systemd.exec(5), "Environment
/// variables in spawned processes"). A program that follows its conventions would take this service's
/// folders, invocation and log for its own.
const OURS: [&str; 21] = [
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LOGS_DIRECTORY",
    "MAINPID",
    "MANAGERPID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// A running command, which is killed with all its descendants when this is dropped before it has
/// ended.
struct Group {
    leader: Option<Pid>,
    mark: String,
}

impl Group {
    fn of(child: &Child, mark: String) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let leader = id.and_then(Pid::from_raw);
        if let Some(leader) = leader {
            descendants::is_waited_for(leader);
        }
        Self { leader, mark }
    }

    /// Limits it to as many files as programs expect; this process has raised its own limit.
    fn limit_files(&self) {
        if let Some(leader) = self.leader {
            let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
            let soft = hard.map_or(FILES_MAX, |hard| hard.min(FILES_MAX));
            // With more, it may be slow to close them all, and nothing worse.
            let _ = prlimit(
                self.leader,
                Resource::Nofile,
                Rlimit { current: Some(soft), maximum: hard },
            );
            tracing::trace!("process {} may open {soft} files", leader.as_raw_nonzero());
        }
    }

    /// Notes that its leader has ended: its pid may soon belong to another process.
    fn has_ended(mut self) {
        if let Some(leader) = self.leader.take() {
            descendants::was_waited_for(leader);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // Descendants that have left the group are found through it, while it is there.
            descendants::kill(leader, &self.mark);
            // If this fails, it has ended by itself meanwhile.
            let _ = kill_process_group(leader, Signal::KILL);
            descendants::kill(leader, &self.mark);
            // The runtime waits for its end, or whoever is left to.
            descendants::was_waited_for(leader);
        }
    }
}

/// Runs the command to its end, or up to a time limit.
pub(super) async fn run(
    document: &Document<'_>,
    words: &[String],
    withheld: &[String],
    limit: Duration,
) -> Result<(), Delivery> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Delivery::Refused("the command names no program".to_owned()));
    };
    let found = program::find(program).map_err(Delivery::Failed)?;
    let mut command = Command::new(found);
    command.arg0(program).args(arguments).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in OURS.into_iter().chain(withheld.iter().map(String::as_str)) {
        command.env_remove(name);
    }
    let mark = clock::random_uuid().to_string();
    command.envs(document.variables()).env(MARK, &mark);
    let mut child =
        command.spawn().map_err(|error| Delivery::Failed(program::not_run(program, &error)))?;
    let group = Group::of(&child, mark);
    group.limit_files();
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
    Err(Delivery::Failed(match last_line(&said) {
        said if said.is_empty() => outcome,
        said => format!("{outcome}: {said}"),
    }))
}

/// The last line of an output, which says why a program ends, as long as a reason may be.
fn last_line(said: &[u8]) -> String {
    // Masked while it is whole: a part of a secret would not be known as one.
    let said = String::from_utf8_lossy(said);
    let said = mask(&said);
    let mut lines = said.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty()).unwrap_or_default();
    one_line(last, SAID_MAX)
}

/// Feeds the document to the child, reads its output, and waits for its end.
async fn to_its_end(
    child: &mut Child,
    document: Vec<u8>,
    said: &Mutex<Vec<u8>>,
) -> std::io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read it uses the variables.
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
                    // Output that comes later says nothing about this end.
                    let _ = timeout(LAST_WORDS_MAX, talk).await;
                }
                return status;
            }
        }
    }
}

/// Reads a pipe to its end, and keeps the last part of it.
async fn hear(pipe: Option<impl AsyncRead + Unpin>, said: &Mutex<Vec<u8>>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&buffer[..read]);
        let too_much = said.len().saturating_sub(OUTPUT_MAX);
        said.drain(..too_much);
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
        let (id, key) = (AlertId(uuid::Uuid::from_u128(1)), AlertKey(uuid::Uuid::from_u128(2)));
        let at = jiff::Timestamp::UNIX_EPOCH;
        let alert = QueuedAlert {
            reason: "no success".to_owned(),
            text: "late".to_owned(),
            ..QueuedAlert::new(id, key, Occasion::Event(AlertEvent::Late), at)
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
        // It may still be there until its parent waits for it.
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        assert!(state.is_empty() || state.starts_with(['Z', 'X', 'R']), "{stat}");
    }

    #[test]
    fn what_has_left_the_group_and_its_parent_is_killed_too() {
        descendants::adopt().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("children");
        // One that is a session of its own, and one whose parent has ended besides.
        let child = format!("setsid sh -c 'echo $$ >> {0}; exec sleep 1000'", path.display());
        let script = format!("{child} & (({child}) &); sleep 1000");
        let said = words(sh(&script, Duration::from_secs(2)));
        assert_eq!(said, "it did not end within 2s and was killed");
        let children = std::fs::read_to_string(&path).unwrap();
        assert_eq!(children.lines().count(), 2, "{children}");
        for child in children.lines() {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            let state = stat.rsplit(") ").next().unwrap_or_default();
            assert!(state.is_empty() || state.starts_with(['Z', 'X', 'R']), "{stat}");
        }
        descendants::reap();
    }

    #[test]
    fn of_much_output_the_last_line_is_told_and_it_does_not_stop_the_command() {
        let said = words(sh("head -c 1000000 /dev/zero | tr '\\0' x; exit 7", PATIENCE));
        assert!(said.starts_with("it ended with exit code 7: xxx"), "{said}");
        assert!(said.chars().count() < SAID_MAX + 40, "{}", said.len());
        let script = "head -c 10000 /dev/zero | tr '\\0' '\\n'; echo begun; echo; echo ' no route '; \
                      echo; exit 7";
        assert_eq!(words(sh(script, PATIENCE)), "it ended with exit code 7: no route");
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
