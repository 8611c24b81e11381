//! The control socket: requests of any kind, and the documents that pass over it.

use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use transferd::control::changes::ChangesDocument;
use transferd::control::client::{Client, ClientError};
use transferd::control::document::{
    DoneDocument, ErrorDocument, RunDocument, ShowDocument, StatusDocument,
};
use transferd::control::repeats::{BackfillDocument, BackfillQuery, RetryQuery, TriggerQuery};
use transferd::control::request::{
    CancelQuery, EventsQuery, HistoryQuery, JobQuery, PauseQuery, Refused, Reply, Request,
    ShowQuery, StatusQuery,
};
use transferd::control::{limits, server};

/// Far longer than an answer takes that comes at once.
const DEADLINE: Duration = Duration::from_secs(10);

/// A daemon's end of a socket, behind which nobody knows anything: each question is refused with
/// the question itself, as it was understood.
struct Parrot {
    path: PathBuf,
    client: Client,
    /// The client's; the server has a thread of its own.
    runtime: Runtime,
    _folder: TempDir,
}

/// One for the whole process, so that what one request leaves behind is met by the next.
static PARROT: LazyLock<Parrot> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("control.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || runtime().block_on(serve(listener)));
    let client = Client::connect(&path).expect("it listens");
    Parrot { path, client, runtime: runtime(), _folder: folder }
});

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn serve(listener: std::os::unix::net::UnixListener) {
    let listener = tokio::net::UnixListener::from_std(listener).expect("a socket");
    let (ask, mut asked) = mpsc::channel(limits::WAITING_MAX);
    tokio::spawn(server::serve(listener, ask));
    while let Some(asked) = asked.recv().await {
        match asked.request {
            Request::Status(query, reply) => refuse(&query, reply),
            Request::StatusSlice(slice, reply) => refuse(&slice, reply),
            Request::History(query, reply) => refuse(&query, reply),
            Request::Show(query, reply) => refuse(&query, reply),
            Request::Trigger(query, reply) => refuse(&query, reply),
            Request::Retry(query, reply) => refuse(&query, reply),
            Request::Backfill(query, reply) => refuse(&query, reply),
            Request::Resume(query, reply) => refuse(&query, reply),
            Request::Cancel(query, reply) => refuse(&query, reply),
            Request::Pause(query, reply) => refuse(&query, reply),
            Request::PauseAll(query, reply) => refuse(&query, reply),
            Request::ResumeAll(reply) => refuse(&"resume-all", reply),
            Request::Events(query, reply) => refuse(&query, reply),
            Request::Reload(reply) => refuse(&"reload", reply),
        }
    }
}

trait Refusing {
    fn refuse(self, words: String);
}

impl<T> Refusing for Reply<T> {
    fn refuse(self, words: String) {
        // Who asked may be gone.
        let _ = self.send(Err(Refused::No(words)));
    }
}

fn refuse(query: &impl Debug, reply: impl Refusing) {
    reply.refuse(format!("{query:?}"));
}

/// Bytes on the socket are answered in HTTP or with its end, at once, and the next one who asks
/// is served.
pub fn bytes_are_answered_or_refused(bytes: &[u8]) {
    let mut stream = UnixStream::connect(&PARROT.path).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    // A server that has seen enough closes while we still write.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert!(
            !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
            "no answer within {DEADLINE:?}"
        ),
    }
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", answer.escape_ascii());
    arrives(&StatusQuery::default());
}

/// A text that is one of the socket's documents or questions is printed back as it is, and a
/// question is understood at the other end as it was put.
pub fn documents_print_back_and_questions_arrive(text: &str) {
    prints_back::<RunDocument>(text);
    prints_back::<ShowDocument>(text);
    prints_back::<StatusDocument>(text);
    prints_back::<DoneDocument>(text);
    prints_back::<BackfillDocument>(text);
    prints_back::<ChangesDocument>(text);
    prints_back::<ErrorDocument>(text);
    if let Some(status) = prints_back::<StatusDocument>(text) {
        let plain = status.without_details();
        assert!(plain.jobs.iter().all(|job| job.detail.is_none()));
    }
    prints_back::<StatusQuery>(text).iter().for_each(arrives);
    prints_back::<HistoryQuery>(text).iter().for_each(arrives);
    prints_back::<ShowQuery>(text).iter().for_each(arrives);
    prints_back::<EventsQuery>(text);
    prints_back::<JobQuery>(text).iter().for_each(arrives);
    prints_back::<TriggerQuery>(text).iter().for_each(arrives);
    prints_back::<RetryQuery>(text).iter().for_each(arrives);
    prints_back::<BackfillQuery>(text).iter().for_each(arrives);
    prints_back::<CancelQuery>(text).iter().for_each(arrives);
    prints_back::<PauseQuery>(text).iter().for_each(arrives);
}

fn prints_back<T>(text: &str) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let document: T = serde_json::from_str(text).ok()?;
    let printed = serde_json::to_string(&document).expect("documents are plain");
    let again: T = serde_json::from_str(&printed).expect("what was printed is read");
    assert_eq!(again, document, "{printed}");
    Some(document)
}

/// A question, and how it is put.
trait Question: Debug {
    async fn put(&self, client: &Client) -> Result<(), ClientError>;
}

macro_rules! question {
    ($query:ty, $put:ident) => {
        impl Question for $query {
            async fn put(&self, client: &Client) -> Result<(), ClientError> {
                client.$put(self).await.map(|_| ())
            }
        }
    };
}

question!(StatusQuery, status);
question!(HistoryQuery, history);
question!(ShowQuery, show);
question!(JobQuery, resume);
question!(TriggerQuery, trigger);
question!(RetryQuery, retry);
question!(BackfillQuery, backfill);
question!(CancelQuery, cancel);
question!(PauseQuery, pause);

/// The other end understands the question as it was put: it says so in its refusal.
fn arrives(question: &impl Question) {
    let Parrot { client, runtime, .. } = &*PARROT;
    match runtime.block_on(question.put(client)) {
        Err(ClientError::Refused(heard)) => assert_eq!(heard, format!("{question:?}")),
        other => panic!("{question:?} is answered with {other:?}"),
    }
}
