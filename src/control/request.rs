//! Requests over the control socket.
//!
//! Knows nothing of HTTP, nor of how they are answered.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::changes::ChangesDocument;
use super::document::{DoneDocument, RunDocument, ShowDocument, StatusDocument};
use super::events::EventsDocument;
use super::repeats::{BackfillDocument, BackfillQuery, RetryQuery, TriggerQuery};
use crate::core::ids::JobName;
use crate::core::run::RunState;

/// The most runs in one answer, so that it is made in a moment and fits in memory.
pub const HISTORY_MAX: usize = 10_000;

/// Takes the answer to a request: a document, or the reason for a refusal.
pub type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such job or run.
    Unknown(String),
    /// It can't be done now, or not at all.
    No(String),
    /// The daemon can't write to its database, or is stopping.
    Unavailable(String),
}

impl Refused {
    /// The message.
    pub fn words(&self) -> &str {
        match self {
            Self::Unknown(words) | Self::No(words) | Self::Unavailable(words) => words,
        }
    }
}

/// A request, and its user.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// The user who requests a change, by name and number; absent if nothing is changed, or the
    /// kernel does not know.
    pub by: Option<String>,
}

/// The refusal of a daemon whose loop is gone.
pub fn stops() -> Refused {
    Refused::Unavailable("the daemon is stopping".to_owned())
}

/// Sends a request to the loop.
pub fn put<T: Send>(
    ask: mpsc::Sender<Asked>,
    by: Option<String>,
    request: impl FnOnce(Reply<T>) -> Request,
) -> impl Future<Output = Result<T, Refused>> + Send {
    let (reply, answer) = oneshot::channel();
    let asked = Asked { request: request(reply), by };
    async move {
        ask.send(asked).await.map_err(|_| stops())?;
        answer.await.map_err(|_| stops())?
    }
}

/// A request together with the channel for its answer.
#[derive(Debug)]
pub enum Request {
    /// `status`.
    Status(StatusQuery, Reply<StatusDocument>),
    /// `status` of some of the jobs, with extra data for people.
    StatusSlice(Slice, Reply<StatusDocument>),
    /// `history`.
    History(HistoryQuery, Reply<Vec<RunDocument>>),
    /// `show`.
    Show(ShowQuery, Reply<ShowDocument>),
    /// `trigger`.
    Trigger(TriggerQuery, Reply<Vec<RunDocument>>),
    /// `retry`.
    Retry(RetryQuery, Reply<Vec<RunDocument>>),
    /// `backfill`.
    Backfill(BackfillQuery, Reply<BackfillDocument>),
    /// `cancel`.
    Cancel(CancelQuery, Reply<DoneDocument>),
    /// `pause`.
    Pause(PauseQuery, Reply<DoneDocument>),
    /// `resume`.
    Resume(JobQuery, Reply<DoneDocument>),
    /// `pause --all`.
    PauseAll(PauseAllQuery, Reply<DoneDocument>),
    /// `resume --all`.
    ResumeAll(Reply<DoneDocument>),
    /// `events`: those after a given one, waited for if there is none yet.
    Events(EventsQuery, Reply<EventsDocument>),
    /// `reload`.
    Reload(Reply<ChangesDocument>),
}

/// The parameters of `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusQuery {
    /// Only this job.
    pub job: Option<String>,
    /// With extra data for people.
    #[serde(default)]
    pub detail: bool,
    /// Answered from what is known, without asking the agent.
    #[serde(default)]
    pub known: bool,
}

/// Some of the jobs, in the order of their names: a part that the loop answers in a moment, however
/// many jobs there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Those after this one, or from the first.
    pub after: Option<JobName>,
    /// At most this many; fewer only at the end.
    pub most: usize,
}

/// The parameters of `history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Only these jobs; all if there is none.
    #[serde(default, with = "commas", skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
    /// Only runs in these states; all if there is none.
    #[serde(default, with = "commas", skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<RunState>,
    /// Only runs for this scheduled time.
    #[serde(default)]
    pub scheduled_for: Option<Timestamp>,
    /// Only runs created at or after this.
    pub since: Option<Timestamp>,
    /// Only runs created before this.
    #[serde(default)]
    pub before: Option<Timestamp>,
    /// At most this many.
    pub limit: Option<usize>,
}

/// The parameters of `events`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsQuery {
    /// Only events after the one with this id; only new ones if it is left out.
    pub since: Option<u64>,
    /// Only of these jobs; of all if there is none.
    #[serde(default, with = "commas", skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
    /// With each event as a value too, which can be formatted in the reader's zone.
    #[serde(default)]
    pub detail: bool,
}

/// The parameters of `show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowQuery {
    /// A job for its last run, or a run's id, or the start of it; the last run that failed if it
    /// is left out.
    pub run: Option<String>,
}

/// The parameters of a request about one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobQuery {
    /// The job.
    pub job: String,
}

/// The parameters of `cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelQuery {
    /// A job, a run's id, or the start of one.
    pub what: String,
    /// Only say whether there is something to cancel.
    #[serde(default)]
    pub dry_run: bool,
}

/// The parameters of `pause`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseQuery {
    /// The job.
    pub job: String,
    /// The end of the pause.
    pub until: Option<Timestamp>,
    /// The operator's words.
    pub reason: Option<String>,
}

/// The parameters of `pause --all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseAllQuery {
    /// The end of the pause.
    pub until: Option<Timestamp>,
    /// The operator's words.
    pub reason: Option<String>,
}

/// Lists in a query: words with commas between them. A comma that belongs to a word, as in a glob,
/// has a backslash before it, and so has a backslash. After an empty last word there is a comma:
/// it is a word too, and only a list without words means all.
mod commas {
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
    use serde_json::Value;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        list: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut words = Vec::new();
        for item in list {
            match serde_json::to_value(item).map_err(ser::Error::custom)? {
                Value::String(word) => words.push(word.replace('\\', r"\\").replace(',', r"\,")),
                _ => return Err(ser::Error::custom("a list of words was expected")),
            }
        }
        let last_is_empty = words.last().is_some_and(String::is_empty);
        let end = if last_is_empty { "," } else { "" };
        serializer.serialize_str(&format!("{}{end}", words.join(",")))
    }

    pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut words = parted(&text);
        words.pop_if(|last| last.is_empty());
        let item = |word: String| serde_json::from_value(Value::String(word));
        words.into_iter().map(item).collect::<Result<_, _>>().map_err(de::Error::custom)
    }

    /// The words of a list.
    fn parted(text: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let belongs = match letter {
                ',' => None,
                '\\' => letters.next(),
                letter => Some(letter),
            };
            match (belongs, words.last_mut()) {
                (Some(letter), Some(word)) => word.push(letter),
                (None, _) | (_, None) => words.push(String::new()),
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_words_between_commas() {
        let query = HistoryQuery {
            jobs: vec!["a b".to_owned(), "c".to_owned(), r"{d,e\*}".to_owned()],
            states: vec![RunState::Failed, RunState::TimedOut],
            ..HistoryQuery::default()
        };
        let text = serde_json::to_value(&query).unwrap();
        assert_eq!(text["jobs"], r"a b,c,{d\,e\\*}");
        assert_eq!(text["states"], "failed,timed_out");
        assert_eq!(serde_json::from_value::<HistoryQuery>(text).unwrap(), query);
        for jobs in [vec![""], vec!["", "a"], vec!["a", ""], vec!["", ""]] {
            let jobs = jobs.into_iter().map(str::to_owned).collect();
            let query = HistoryQuery { jobs, ..HistoryQuery::default() };
            let text = serde_json::to_value(&query).unwrap();
            assert_eq!(serde_json::from_value::<HistoryQuery>(text).unwrap(), query);
        }
        let all =
            serde_json::from_str::<HistoryQuery>(r#"{"jobs":"","states":"failed,"}"#).unwrap();
        assert_eq!((all.jobs, all.states), (vec![], vec![RunState::Failed]));
        let empty = serde_json::from_str::<HistoryQuery>("{}").unwrap();
        assert_eq!(empty, HistoryQuery::default());
        assert!(serde_json::from_str::<HistoryQuery>(r#"{"states":"lost"}"#).is_err());
    }
}
