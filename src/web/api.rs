//! The documents of `--json`, for everybody who may read the page: `/api/…` and `/events`.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::Serialize;

use super::ask::Planned;
use super::limits::OCCURRENCES_MAX;
use super::pages::Pages;
use super::questions::{beside, large};
use crate::clock;
use crate::control::diagnostic::DiagnosticDocument;
use crate::control::document::{RunDocument, ShowDocument};
use crate::control::events::last_event_id;
use crate::control::json::JsonAnswer;
use crate::control::occurrences::OccurrenceDocument;
use crate::control::request::{EventsQuery, HISTORY_MAX, HistoryQuery, Refused};
use crate::core::duration;
use crate::core::plain::plain;
use crate::core::run::RunState;
use crate::core::schedule::{coming, firsts};
use crate::serving::Ticket;

/// The routes.
pub(super) fn router() -> Router<Pages> {
    Router::new()
        .route("/api/status", get(status))
        .route("/api/history", get(history))
        .route("/api/runs/{run}", get(run))
        .route("/api/next", get(next))
        .route("/events", get(follow))
}

type Turn = Extension<Ticket>;
/// The query of an address, word by word.
type Asked = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The keys that an address may have, and their values.
struct Words(BTreeMap<String, String>);

impl Words {
    /// Accepts these keys, and no other: a misspelled one would be obeyed in part.
    fn of(asked: Asked, known: &[&str]) -> Result<Self, No> {
        let mut words = BTreeMap::new();
        for (key, value) in asked?.0 {
            let quoted: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            let (key, quoted) = (plain(&key), quoted.join(", "));
            if !known.contains(&key.as_str()) {
                return Err(No::Odd(format!("there is no `{key}` here; known are {quoted}")));
            }
            if words.contains_key(&key) {
                return Err(No::Odd(format!("`{key}` stands there twice")));
            }
            words.insert(key, value);
        }
        Ok(Self(words))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// Takes words with commas between them, none of them empty: that is a name that was lost on
    /// the way, and not a question about all.
    fn list(&mut self, key: &str) -> Result<Vec<String>, No> {
        let Some(text) = self.take(key) else { return Ok(Vec::new()) };
        let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
        if words.iter().any(String::is_empty) {
            return Err(No::Odd(format!("`{key}` holds an empty name; leave it out for all")));
        }
        Ok(words)
    }

    /// Takes a number of results.
    fn number(&mut self, most: usize) -> Result<Option<usize>, No> {
        let Some(text) = self.take("n") else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        match number {
            Some(number) => Ok(Some(number)),
            None => {
                let text = plain(&text);
                Err(No::Odd(format!("`n` is a number from 1 to {most}, found `{text}`")))
            }
        }
    }
}

/// The parameters of `/api/history`.
#[derive(Debug, Default)]
struct HistoryAsked {
    n: Option<usize>,
    jobs: Vec<String>,
    states: Vec<String>,
    since: Option<String>,
}

/// Why there is no document.
enum No {
    /// The request can't be understood.
    Odd(String),
    /// The daemon's answer.
    Refused(Refused),
}

impl From<Refused> for No {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<QueryRejection> for No {
    fn from(rejection: QueryRejection) -> Self {
        Self::Odd(rejection.body_text())
    }
}

/// The errors in the form of `--json`.
#[derive(Serialize)]
struct Errors {
    errors: [DiagnosticDocument; 1],
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let (status, words) = match self {
            Self::Odd(words) => (StatusCode::BAD_REQUEST, words),
            Self::Refused(refused) => (refused.status(), refused.words().to_owned()),
        };
        (status, JsonAnswer(Errors { errors: [DiagnosticDocument::of_nothing(words)] }))
            .into_response()
    }
}

async fn status(State(pages): State<Pages>, turn: Turn, asked: Asked) -> Result<Response, No> {
    let job = Words::of(asked, &["job"])?.take("job");
    large(&turn).await?;
    let status = match job {
        Some(job) => pages.questions.status_of(job).await?,
        None => pages.questions.status().await?,
    };
    Ok(beside(move || JsonAnswer(status.without_details()).into_response()).await?)
}

async fn history(State(pages): State<Pages>, turn: Turn, asked: Asked) -> Result<Response, No> {
    let mut words = Words::of(asked, &["n", "job", "state", "since"])?;
    let asked = HistoryAsked {
        n: words.number(HISTORY_MAX)?,
        jobs: words.list("job")?,
        states: words.list("state")?,
        since: words.take("since"),
    };
    let query = asked.query(clock::now(), &TimeZone::system()).map_err(No::Odd)?;
    large(&turn).await?;
    let mut runs = pages.questions.history(query).await?;
    let answer = move || {
        runs.iter_mut().for_each(RunDocument::leave_out_facts);
        JsonAnswer(runs).into_response()
    };
    Ok(beside(answer).await?)
}

async fn run(
    State(pages): State<Pages>,
    Path(run): Path<String>,
) -> Result<JsonAnswer<ShowDocument>, No> {
    let mut shown = pages.questions.show(run).await?;
    shown.leave_out_facts();
    Ok(JsonAnswer(shown))
}

async fn next(State(pages): State<Pages>, turn: Turn, asked: Asked) -> Result<Response, No> {
    let mut words = Words::of(asked, &["n", "job"])?;
    let (n, job) = (words.number(OCCURRENCES_MAX)?, words.take("job"));
    large(&turn).await?;
    let mut planned = pages.questions.planned().await?;
    if let Some(job) = &job {
        planned.retain(|planned| planned.job.name.as_str() == job);
        if planned.is_empty() {
            let words = format!("there is no job `{job}`; `/api/status` lists the jobs");
            return Err(Refused::Unknown(words).into());
        }
    }
    let number = n.or(job.map(|_| FEW));
    Ok(beside(move || JsonAnswer(occurrences(&planned, number)).into_response()).await?)
}

/// This many coming occurrences, or the first one of each job.
fn occurrences(planned: &[Planned], number: Option<usize>) -> Vec<OccurrenceDocument> {
    let now = clock::now();
    let coming = match number {
        Some(number) => coming(planned, now, number, None),
        None => firsts(planned, now),
    };
    let document = |(at, planned): &(Timestamp, &Planned)| {
        OccurrenceDocument::new(planned.job.name.as_str(), &planned.job.timetable, *at)
    };
    coming.iter().map(document).collect()
}

/// The number of occurrences of a job if none is given, as in `next`.
const FEW: usize = 10;

async fn follow(
    State(pages): State<Pages>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, No> {
    let mut asked = Words::of(asked, &["since", "job"])?;
    let jobs = asked.list("job")?;
    let since = asked.take("since").map(|text| {
        let odd = |_| No::Odd(format!("`since` is an event's id, found `{}`", plain(&text)));
        text.parse::<u64>().map_err(odd)
    });
    let since = since.transpose()?;
    let since = last_event_id(&headers).or(since);
    let mut response = pages.questions.stream(EventsQuery { since, jobs, detail: false }).await?;
    // Proxies that buffer whole answers would hold this one forever.
    let unheld = HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", unheld);
    Ok(response)
}

impl HistoryAsked {
    fn query(self, now: Timestamp, zone: &TimeZone) -> Result<HistoryQuery, String> {
        let state =
            |word: &String| RunState::from_word(word).ok_or(format!("`{word}` is not a state"));
        Ok(HistoryQuery {
            states: self.states.iter().map(state).collect::<Result<_, _>>()?,
            jobs: self.jobs,
            scheduled_for: None,
            since: self.since.map(|text| since(&text, now, zone)).transpose()?,
            before: None,
            limit: Some(self.n.unwrap_or(HISTORY_MAX)),
        })
    }
}

/// An instant, the start of a day, or a duration back.
fn since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    // In an address an unescaped `+` is a blank.
    if let Ok(at) = text.replace(' ', "+").parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<civil::Date>()
        && let Ok(start) = day.to_zoned_datetime(zone.clone())
    {
        return Ok(start.timestamp());
    }
    let back = duration::parse(text).ok().and_then(|back| now.checked_sub(back).ok());
    back.ok_or_else(|| {
        format!("`{text}` is not a time: write RFC 3339, a day such as `2026-11-26`, or `2d`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_about_the_past_is_understood_or_said_to_be_odd() {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let since = |text: &str| since(text, now, &zone).map(|at| at.to_string());
        assert_eq!(since("2026-11-26").unwrap(), "2026-11-25T23:00:00Z");
        assert_eq!(since("2d").unwrap(), "2026-11-25T12:00:00Z");
        assert_eq!(since("2026-11-26T02:30:00+01:00").unwrap(), "2026-11-26T01:30:00Z");
        assert_eq!(since("2026-11-26T02:30:00 01:00").unwrap(), "2026-11-26T01:30:00Z");
        assert!(since("soon").is_err());
        let asked = |state: &str, n| HistoryAsked {
            n,
            states: state.split(',').map(str::to_owned).collect(),
            jobs: Vec::new(),
            since: None,
        };
        let query = asked("failed,timed_out", Some(3)).query(now, &zone).unwrap();
        assert_eq!(query.states, [RunState::Failed, RunState::TimedOut]);
        assert!(asked("lost", Some(3)).query(now, &zone).is_err());
    }

    #[test]
    fn an_address_is_taken_word_by_word_or_refused_in_words() {
        let words = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let mut words = Words::of(Ok(Query(pairs)), &["n", "job"])?;
            words.number(100)
        };
        let odd = |pairs: &[(&str, &str)]| match words(pairs) {
            Err(No::Odd(words)) => words,
            Err(No::Refused(refused)) => panic!("{refused:?}"),
            Ok(number) => panic!("{number:?} is taken"),
        };
        assert_eq!(words(&[("n", "7"), ("job", "a")]).ok(), Some(Some(7)));
        for n in ["0", "101", "x", "", "-1", "1.5"] {
            let expected = format!("`n` is a number from 1 to 100, found `{n}`");
            assert_eq!(odd(&[("n", n)]), expected);
        }
        assert_eq!(odd(&[("jbo", "a")]), "there is no `jbo` here; known are `n`, `job`");
        assert_eq!(odd(&[("n", "1"), ("n", "2")]), "`n` stands there twice");
        let list = |text: &str| {
            let pairs = vec![("job".to_owned(), text.to_owned())];
            Words::of(Ok(Query(pairs)), &["job"])?.list("job")
        };
        assert_eq!(list("a, b c").ok(), Some(vec!["a".to_owned(), "b c".to_owned()]));
        for empty in ["", " ", "a,", ","] {
            assert!(list(empty).is_err(), "{empty:?} is not a question about all jobs");
        }
    }
}
