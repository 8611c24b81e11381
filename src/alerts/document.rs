//! The content of a delivery: the document of a webhook and of a command's standard input, its main
//! fields as variables, and the address of a ping.
//!
//! Field names are a promise to other people's scripts (README, "Alerts").

use jiff::Timestamp;
use serde::Serialize;

use crate::core::alert::{Occasion, QueuedAlert};
use crate::core::digest::Digest;
use crate::core::ids::{AlertId, JobName, RunId};
use crate::core::job::AlertEvent;
use crate::core::place::NamedPlace;
use crate::core::plain::escape_unseen;
use crate::core::reason::ReasonCode;
use crate::core::run::RunState;
use crate::privacy::mask;

/// A line as chat services parse it: `<!channel>` and links are commands to them (Slack, "Escaping
/// text"). Other receivers show the three characters as they are written in web pages.
fn for_chats(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The document of an alert.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    /// Identifies the message: a receiver that gets it twice recognizes it by this.
    id: AlertId,
    event: &'static str,
    job: Option<&'a JobName>,
    pub(super) run: Option<RunId>,
    state: Option<RunState>,
    pub(super) reason: &'a str,
    reason_code: Option<ReasonCode>,
    source: Option<&'a NamedPlace>,
    destination: Option<&'a NamedPlace>,
    /// The agent's most frequent words about the failure.
    cause: Option<&'a str>,
    scheduled_for: Option<Timestamp>,
    attempts: u32,
    at: Timestamp,
    hostname: &'a str,
    version: &'static str,
    /// The summary, of a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a Digest>,
    /// The page of its run, or the page of all jobs, where people can reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The whole alert in a line, under the name that chat services expect, escaped for them.
    text: String,
    /// The same, unescaped.
    #[serde(skip)]
    line: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(skip)]
    occasion: Occasion,
}

impl<'a> Document<'a> {
    pub(super) fn new(alert: &'a QueuedAlert, hostname: &'a str, test: bool) -> Self {
        Self {
            id: alert.id,
            event: alert.occasion.word(),
            job: alert.job.as_ref(),
            run: alert.run,
            state: alert.state,
            reason: &alert.reason,
            reason_code: alert.reason_code,
            source: alert.source.as_ref(),
            destination: alert.destination.as_ref(),
            cause: alert.cause.as_deref(),
            scheduled_for: alert.scheduled_for,
            attempts: alert.attempts,
            at: alert.at,
            hostname,
            version: env!("CARGO_PKG_VERSION"),
            digest: alert.digest.as_deref(),
            url: None,
            text: for_chats(&alert.text),
            line: &alert.text,
            test,
            occasion: alert.occasion,
        }
    }

    /// Adds a link to more information, below `external_url`.
    pub(super) fn link_to(&mut self, external_url: &str) {
        self.url = Some(match self.run {
            Some(run) => format!("{external_url}/runs/{run}"),
            None => format!("{external_url}/"),
        });
    }

    /// The document as JSON.
    pub(super) fn json(&self) -> Vec<u8> {
        let text = serde_json::to_string(self).expect("a document has text keys only");
        escape_unseen(mask(&text).into_owned()).into_bytes()
    }

    /// Its main fields, as variables of a command; absent ones are left out.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let some = |name, value: Option<String>| value.map(|value| (name, value));
        let digest = |value: fn(&Digest) -> String| self.digest.map(value);
        [
            some("TRANSFERD_EVENT", Some(self.event.to_owned())),
            some("TRANSFERD_JOB", self.job.map(ToString::to_string)),
            some("TRANSFERD_RUN", self.run.map(|run| run.to_string())),
            some("TRANSFERD_STATE", self.state.map(|state| state.word().to_owned())),
            some("TRANSFERD_REASON", Some(self.reason.to_owned())),
            some("TRANSFERD_REASON_CODE", self.reason_code.map(|code| code.word().to_owned())),
            some("TRANSFERD_SOURCE", self.source.map(ToString::to_string)),
            some("TRANSFERD_DESTINATION", self.destination.map(ToString::to_string)),
            some("TRANSFERD_SCHEDULED_FOR", self.scheduled_for.map(|at| at.to_string())),
            some("TRANSFERD_ATTEMPTS", Some(self.attempts.to_string())),
            some("TRANSFERD_AT", Some(self.at.to_string())),
            some("TRANSFERD_HOSTNAME", Some(self.hostname.to_owned())),
            some("TRANSFERD_VERSION", Some(self.version.to_owned())),
            some("TRANSFERD_URL", self.url.clone()),
            some("TRANSFERD_TEXT", Some(self.line.to_owned())),
            some("TRANSFERD_SINCE", digest(|digest| digest.since.to_string())),
            some(
                "TRANSFERD_SUCCEEDED",
                digest(|digest| digest.gathered.runs.succeeded.to_string()),
            ),
            some("TRANSFERD_FAILED", digest(|digest| digest.gathered.runs.failed.to_string())),
            some(
                "TRANSFERD_TIMED_OUT",
                digest(|digest| digest.gathered.runs.timed_out.to_string()),
            ),
            some("TRANSFERD_CANCELED", digest(|digest| digest.gathered.runs.canceled.to_string())),
            some("TRANSFERD_SKIPPED", digest(|digest| digest.gathered.runs.skipped.to_string())),
            some("TRANSFERD_LATE", digest(|digest| digest.late_jobs().to_string())),
            some("TRANSFERD_TEST", self.test.then(|| "true".to_owned())),
        ]
        .into_iter()
        .flatten()
        .map(|(name, value)| (name, mask(&value).into_owned()))
        .collect()
    }

    /// The suffix of a ping's address (healthchecks.io, "Pinging API"): every event that is not a
    /// success, and that the entry names, is a failure. A test raises no alarm.
    pub(super) fn ping_suffix(&self) -> &'static str {
        match self.occasion {
            _ if self.test => "",
            Occasion::Started => "/start",
            // An entry with `ping` is never a digest.
            Occasion::Digest => "",
            Occasion::Event(AlertEvent::Succeeded | AlertEvent::Recovered) => "",
            Occasion::Event(
                AlertEvent::Failed
                | AlertEvent::TimedOut
                | AlertEvent::Canceled
                | AlertEvent::Skipped
                | AlertEvent::Late
                | AlertEvent::AgentDown
                | AlertEvent::TokenExpiring
                | AlertEvent::ConfigInvalid
                | AlertEvent::Stuck
                | AlertEvent::Doubled,
            ) => "/fail",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command_to_a_chat() {
        assert_eq!(
            for_chats("<!channel> R&D <http://evil|click>"),
            "&lt;!channel&gt; R&amp;D &lt;http://evil|click&gt;"
        );
    }
}
