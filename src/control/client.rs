//! The command line's end of the control socket.
//!
//! Does not know where to look for the socket, nor how answers are shown.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::changes::ChangesDocument;
use super::document::{DoneDocument, ErrorDocument, RunDocument, ShowDocument, StatusDocument};
use super::events::HappenedDocument;
use super::repeats::{BackfillDocument, BackfillQuery, RetryQuery, TriggerQuery};
use super::request::{
    CancelQuery, EventsQuery, HistoryQuery, JobQuery, PauseAllQuery, PauseQuery, ShowQuery,
    StatusQuery,
};
use super::socket::{Reachable, answers, is_crowded};
use crate::tls::innermost;

/// Longer than any answer takes: a reload of 100,000 jobs on a busy machine, or an agent that does
/// not answer while `status` asks it.
const PATIENCE: Duration = Duration::from_secs(60);

/// After this long it is worth a word that the daemon has not answered yet.
const SLOW: Duration = Duration::from_secs(5);

/// Pause before the next try where the daemon has no room for another waiting connection.
const CROWDED_PAUSE: Duration = Duration::from_millis(20);

/// The longest error body that is read out.
const WORDS_MAX: usize = 1 << 20;

/// Why the daemon gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no daemon answers at `{}`", .0.display())]
    NotRunning(PathBuf),
    /// Somebody may listen there, but not to us.
    #[error("no permission to ask the daemon at `{}`", .0.display())]
    NotPermitted(PathBuf),
    /// The daemon refused.
    #[error("{0}")]
    Refused(String),
    /// The daemon can't answer now: it is stopping, or can't use its database.
    #[error("{0}")]
    Unavailable(String),
    /// No answer came in time.
    #[error(
        "the daemon at `{}` has not answered for {} s: it may be stopped, or hang (`systemctl \
         status transferd`)", .0.display(), .1.as_secs()
    )]
    Silent(PathBuf, Duration),
    /// The user did not want to wait.
    #[error("{0}")]
    Interrupted(String),
    /// The connection broke.
    #[error("the daemon's answer did not come through: {0}")]
    Broken(String),
}

/// A daemon that answers at its socket.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    path: PathBuf,
    when_slow: fn(&Path),
    _reachable: Reachable,
}

impl ClientError {
    /// Whether the daemon may come back soon, as in a restart.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NotRunning(_) | Self::Unavailable(_) | Self::Broken(_) => true,
            Self::NotPermitted(_) | Self::Refused(_) | Self::Silent(..) | Self::Interrupted(_) => {
                false
            }
        }
    }
}

impl Client {
    /// The daemon at the socket `path`.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`] and [`ClientError::NotPermitted`].
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let told = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => ClientError::NotPermitted(path.to_owned()),
            _ => ClientError::NotRunning(path.to_owned()),
        };
        answers(path).map_err(told)?;
        let reachable = Reachable::new(path).map_err(told)?;
        let http = reqwest::Client::builder()
            .unix_socket(reachable.path())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .tls_backend_preconfigured(crate::tls::none())
            .build()
            .map_err(|error| ClientError::Broken(error.to_string()))?;
        Ok(Self { http, path: path.to_owned(), when_slow: |_| (), _reachable: reachable })
    }

    /// Calls `say` with the socket's path when an answer takes long.
    pub fn when_slow(self, say: fn(&Path)) -> Self {
        Self { when_slow: say, ..self }
    }

    /// The answer, if it comes soon.
    ///
    /// # Errors
    /// [`ClientError::Silent`] after 5 s, and those of `answer`.
    pub async fn soon<T>(
        &self,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let late = |_| ClientError::Silent(self.path.clone(), SLOW);
        timeout(SLOW, answer).await.map_err(late)?
    }

    /// Connects to the daemon that is now at the same place: the earlier one may be gone.
    ///
    /// # Errors
    /// As for [`Client::connect`].
    pub fn again(&self) -> Result<Self, ClientError> {
        Ok(Self::connect(&self.path)?.when_slow(self.when_slow))
    }

    /// Requests the status.
    pub async fn status(&self, query: &StatusQuery) -> Result<StatusDocument, ClientError> {
        self.get("status", query).await
    }

    /// Requests past runs.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<RunDocument>, ClientError> {
        self.get("runs", query).await
    }

    /// Requests one run.
    pub async fn show(&self, query: &ShowQuery) -> Result<ShowDocument, ClientError> {
        self.get("run", query).await
    }

    /// Triggers runs.
    pub async fn trigger(&self, query: &TriggerQuery) -> Result<Vec<RunDocument>, ClientError> {
        self.post("trigger", query).await
    }

    /// Repeats runs.
    pub async fn retry(&self, query: &RetryQuery) -> Result<Vec<RunDocument>, ClientError> {
        self.post("retry", query).await
    }

    /// Creates the runs of a span of time, or returns the plan.
    pub async fn backfill(&self, query: &BackfillQuery) -> Result<BackfillDocument, ClientError> {
        self.post("backfill", query).await
    }

    /// Cancels runs.
    pub async fn cancel(&self, query: &CancelQuery) -> Result<DoneDocument, ClientError> {
        self.post("cancel", query).await
    }

    /// Stops the scheduling of a job.
    pub async fn pause(&self, query: &PauseQuery) -> Result<DoneDocument, ClientError> {
        self.post("pause", query).await
    }

    /// Schedules it again.
    pub async fn resume(&self, query: &JobQuery) -> Result<DoneDocument, ClientError> {
        self.post("resume", query).await
    }

    /// Stops the scheduling of all jobs.
    pub async fn pause_all(&self, query: &PauseAllQuery) -> Result<DoneDocument, ClientError> {
        self.post("pause-all", query).await
    }

    /// Schedules all jobs again.
    pub async fn resume_all(&self) -> Result<DoneDocument, ClientError> {
        self.post("resume-all", &()).await
    }

    /// Has the daemon read the job file now.
    pub async fn reload(&self) -> Result<ChangesDocument, ClientError> {
        self.post("reload", &()).await
    }

    /// Follows events.
    pub async fn events(&self, query: &EventsQuery) -> Result<Following, ClientError> {
        // Without a limit: both ends send a sign of life now and then.
        let request = self.request(Method::GET, "events").query(query).timeout(Duration::MAX);
        let answer = self.send(request).await.map_err(|error| self.broken(error))?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await);
        }
        Ok(Following { answer, read: Vec::new(), path: self.path.clone(), last: query.since })
    }

    fn broken(&self, error: reqwest::Error) -> ClientError {
        if error.is_connect() {
            ClientError::NotRunning(self.path.clone())
        } else if error.is_timeout() {
            ClientError::Silent(self.path.clone(), PATIENCE)
        } else {
            ClientError::Broken(error.without_url().to_string())
        }
    }

    /// The reason for a refusal.
    async fn refused(&self, answer: Response) -> ClientError {
        let status = answer.status();
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return self.broken(error),
        };
        let body = &body[..body.len().min(WORDS_MAX)];
        let words = match serde_json::from_slice::<ErrorDocument>(body) {
            Ok(document) => document.error,
            Err(_) => format!("{status} {}", String::from_utf8_lossy(body).trim()),
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => ClientError::Unavailable(words),
            _ => ClientError::Refused(words),
        }
    }

    fn request(&self, method: Method, what: &str) -> RequestBuilder {
        // The host is never looked up: the socket is the address.
        self.http.request(method, format!("http://transferd/v1/{what}"))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.read(self.send(self.request(Method::GET, what).query(query)).await).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.read(self.send(self.request(Method::POST, what).json(query)).await).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        let mut answer = pin!(send(request));
        match timeout(SLOW, &mut answer).await {
            Ok(answer) => answer,
            Err(_) => {
                (self.when_slow)(&self.path);
                answer.await
            }
        }
    }

    async fn read<T: DeserializeOwned>(
        &self,
        answer: Result<Response, reqwest::Error>,
    ) -> Result<T, ClientError> {
        let answer = answer.map_err(|error| self.broken(error))?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await);
        }
        let body = answer.bytes().await.map_err(|error| self.broken(error))?;
        serde_json::from_slice(&body).map_err(|error| {
            ClientError::Broken(format!(
                "it does not read as expected ({error}); is the daemon of this version?"
            ))
        })
    }
}

/// Sends it, when there is room: a client that opens connections and says nothing must not make the
/// daemon look absent. A request whose connection failed was not sent.
async fn send(request: RequestBuilder) -> Result<Response, reqwest::Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let next = request.try_clone().expect("no body here is a stream");
        match next.send().await {
            Err(error) if finds_no_room(&error) && Instant::now() < until => {
                sleep(CROWDED_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn finds_no_room(error: &reqwest::Error) -> bool {
    innermost(error).downcast_ref::<io::Error>().is_some_and(is_crowded)
}

/// Events, as they come.
#[derive(Debug)]
pub struct Following {
    answer: Response,
    /// The part of the next line that has arrived.
    read: Vec<u8>,
    path: PathBuf,
    last: Option<u64>,
}

impl Following {
    /// The event after which to continue, should this end.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// The next event.
    ///
    /// # Errors
    /// The daemon has stopped, or the connection broke.
    pub async fn next(&mut self) -> Result<HappenedDocument, ClientError> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                if let Some(id) = line.strip_prefix(b"id:") {
                    let id = std::str::from_utf8(id).ok().and_then(|id| id.trim().parse().ok());
                    self.last = id.or(self.last);
                }
                if let Some(data) = line.strip_prefix(b"data:") {
                    return serde_json::from_slice(data)
                        .map_err(|error| ClientError::Broken(error.to_string()));
                }
            }
            if self.read.len() > WORDS_MAX {
                return Err(ClientError::Broken("an event is too long".to_owned()));
            }
            match self.answer.chunk().await {
                Ok(Some(bytes)) => self.read.extend_from_slice(&bytes),
                Ok(None) => return Err(ClientError::NotRunning(self.path.clone())),
                Err(error) => return Err(ClientError::Broken(error.without_url().to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;
    use crate::control::socket::Bound;

    #[tokio::test]
    async fn a_daemon_without_room_for_one_more_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let (_bound, listener) = Bound::bind(&path, 0o600).unwrap();
        let listener = UnixListener::from_std(listener).unwrap();
        let mut idle = Vec::new();
        while let Ok(stream) = tokio::net::UnixStream::connect(&path).await {
            idle.push(stream);
        }
        answers(&path).unwrap();
        let client = Client::connect(&path).unwrap();
        let asked = tokio::spawn(async move { client.reload().await });
        sleep(CROWDED_PAUSE * 2).await;
        assert!(!asked.is_finished());
        for _ in 0..idle.len() {
            drop(listener.accept().await.unwrap());
        }
        // A client that only checks whether somebody listens sends nothing.
        let mut head = [0; 4096];
        let mut stream = loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if stream.read(&mut head).await.unwrap() > 0 {
                break stream;
            }
        };
        assert!(head.starts_with(b"POST /v1/reload"));
        stream.write_all(b"HTTP/1.1 409 \r\ncontent-length: 0\r\n\r\n").await.unwrap();
        assert!(matches!(asked.await.unwrap(), Err(ClientError::Refused(_))));
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_no_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        assert!(matches!(Client::connect(&path), Err(ClientError::NotRunning(_))));
        let (bound, listener) = Bound::bind(&path, 0o600).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        drop(listener);
        assert!(matches!(Client::connect(&path), Err(ClientError::NotRunning(_))));
        drop(bound);
    }
}
