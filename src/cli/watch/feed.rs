//! The latest answer of the daemon being watched, and the wait for the next: on its stream of news.

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::event_stream::News;
use crate::clock;
use crate::control::client::{Client, ClientError};
use crate::control::document::StatusDocument;
use crate::control::request::StatusQuery;

/// How often a daemon that is away is asked whether it is back.
const RETRY: Duration = Duration::from_secs(1);

/// The delay after an event before the daemon is asked: events that happen together are shown
/// together.
const TOGETHER: Duration = Duration::from_millis(150);

/// The time between two requests while transfers are active: their counters are not events.
const COUNTERS: Duration = Duration::from_secs(2);

/// And while none is: actions of operators, the job file and the agent are not events either.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// The result of a request: the client, if there was one, the place in the stream, and the answer.
pub(super) type Answered = (Option<Client>, News, Result<StatusDocument, ClientError>);

/// Asks once, when an event has happened or `longest` is over.
pub(super) async fn ask(
    client: Result<Client, ClientError>,
    query: &StatusQuery,
    mut news: News,
    longest: Duration,
) -> Answered {
    match client {
        Ok(client) => {
            if !longest.is_zero() {
                news.wait(&client, |_| true, longest).await;
                tokio::time::sleep(TOGETHER).await;
            }
            let answer = client.status(query).await;
            (Some(client), news, answer)
        }
        Err(error) => {
            tokio::time::sleep(RETRY).await;
            (None, news, Err(error))
        }
    }
}

/// The known state of the daemon being followed.
#[derive(Default)]
pub(super) struct Followed {
    /// Its last answer, and the time of that.
    pub(super) last: Option<(StatusDocument, Timestamp)>,
    /// Why it does not answer.
    pub(super) away: Option<String>,
}

impl Followed {
    /// Takes in an answer, and returns the client for the next request. A refusal is final; a
    /// daemon that does not answer may come back.
    pub(super) fn take(
        &mut self,
        (client, news, answer): Answered,
        place: &Client,
    ) -> Result<(Result<Client, ClientError>, News), ClientError> {
        match answer {
            Ok(status) => {
                self.last = Some((status, clock::now()));
                self.away = None;
                Ok((client.map_or_else(|| place.again(), Ok), news))
            }
            Err(error) if error.may_pass() => {
                self.away = Some(error.to_string());
                Ok((place.again(), News::default()))
            }
            Err(error) => Err(error),
        }
    }

    /// How long the known state may stay without news.
    pub(super) fn patience(&self) -> Duration {
        let moves = |(status, _): &(StatusDocument, Timestamp)| {
            status.jobs.iter().any(|job| job.active_run.is_some())
        };
        match &self.last {
            _ if self.away.is_some() => RETRY,
            Some(last) if moves(last) => COUNTERS,
            Some(_) | None => QUIET_MAX,
        }
    }

    /// Its last answer.
    pub(super) fn status(&self) -> Option<&StatusDocument> {
        self.last.as_ref().map(|(status, _)| status)
    }
}
