//! Checks everything that transferd assumes about the agent against a real one, read-only.
//!
//! Each assumption is one that click-api marks as inferred, or that the submit protocol rests on. A
//! finding holds no secret: users paste it into bug reports.

mod calls;
mod objects;
mod page;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::client::AgentClient;
use super::failure::AskError;
use super::limits::{HISTORY_PAGE_SIZE, PAGE_SIZE};
use super::look::offset;
use super::token;
use super::words::fit;
use crate::clock;
use crate::core::cause::HistoryRow;
use crate::core::date_time::with_offset;
use crate::core::duration;
use crate::core::ids::{TransferId, UserId};
use crate::core::limits::{AGENT_CLOCK_FAR, SKEW};
use crate::core::transfer::{AgentState, Transfer};

/// The result of checking an assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as transferd assumes.
    Holds,
    /// It is not.
    DoesNotHold,
    /// The agent gave no occasion to check.
    CantTell,
}

/// One assumption, and the observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for scripts; stable.
    pub name: &'static str,
    /// The assumption.
    pub assumption: &'static str,
    /// Whether something is lost where it does not hold; if not, transferd works as well without,
    /// or it is only worth a warning.
    pub needed: bool,
    /// The result.
    pub verdict: Verdict,
    /// The observation.
    pub seen: String,
    /// How transferd behaves because of it.
    pub then: &'static str,
}

/// An assumption with transferd's behaviour if it holds, and if it does not.
struct Assumption {
    name: &'static str,
    text: &'static str,
    needed: bool,
    holds: &'static str,
    otherwise: &'static str,
}

impl Finding {
    /// True if something is lost: it does not hold, and is needed.
    pub fn has_failed(&self) -> bool {
        self.needed && self.verdict == Verdict::DoesNotHold
    }

    /// True if it does not hold, and nothing is lost by it.
    pub fn differs(&self) -> bool {
        !self.needed && self.verdict == Verdict::DoesNotHold
    }
}

impl Assumption {
    fn found(&self, verdict: Verdict, seen: impl Into<String>) -> Finding {
        let then = match verdict {
            Verdict::Holds => self.holds,
            Verdict::DoesNotHold | Verdict::CantTell => self.otherwise,
        };
        // Text quoted from the agent is pasted into reports.
        let seen = fit(&seen.into(), None);
        let Self { name, text: assumption, needed, .. } = *self;
        Finding { name, assumption, needed, verdict, seen, then }
    }

    fn judged(&self, holds: bool, seen: impl Into<String>) -> Finding {
        self.found(if holds { Verdict::Holds } else { Verdict::DoesNotHold }, seen)
    }
}

const REACHABLE: Assumption = Assumption {
    name: "reachable",
    text: "the agent answers",
    needed: true,
    holds: "runs are queued",
    otherwise: "runs wait, use up no attempt, and go on when it answers",
};
const STATE: Assumption = Assumption {
    name: "state",
    text: "the agent says that it is started",
    needed: true,
    holds: "complete listings prove that a transfer is absent",
    otherwise: "runs wait while it says that it is not at work; if it can't be asked, they do not",
};
const TOKEN: Assumption = Assumption {
    name: "token",
    text: "the agent takes the token",
    needed: true,
    holds: "runs are queued",
    otherwise: "runs wait; the token is tried again when its source changes and every 30 s",
};
const EXPIRY: Assumption = Assumption {
    name: "token_expiry",
    text: "the token says when it ends",
    needed: true,
    holds: "its end is shown in `status` and the metrics",
    otherwise: "its end is noticed when the agent refuses it",
};
const PROTECTION: Assumption = Assumption {
    name: "token_protection",
    text: "only its owner can read the token",
    needed: false,
    holds: "nothing",
    otherwise: "the token is used nevertheless, with a warning",
};
const USER: Assumption = Assumption {
    name: "user",
    text: "the agent tells whose token it is",
    needed: false,
    holds: "only that user's transfers can be taken for ours",
    otherwise: "transfers are judged by places and dates alone, which is weaker evidence",
};
const ACCOUNTS: Assumption = Assumption {
    name: "accounts",
    text: "the agent lists its cloud accounts",
    needed: true,
    holds: "`accounts` and `check --online` know them",
    otherwise: "ids in the job file are taken as they are",
};
const CLOCK: Assumption = Assumption {
    name: "clock",
    text: "the agent's clock is within two minutes of ours",
    needed: true,
    holds: "dates of requests are compared with that tolerance",
    otherwise: "the tolerance is widened by what was learned of the difference",
};
/// The same for a clock so far off that nothing is queued.
const CLOCK_FAR: Assumption = Assumption {
    otherwise: "runs wait while the difference is more than a day, as a transfer is known by the date \
                of its request; set the clocks right, or `agent.exclusive_user`, which asks no \
                dates",
    ..CLOCK
};
const HISTORY: Assumption = Assumption {
    name: "history",
    text: "the agent has a transfer history",
    needed: false,
    holds: "a run that fails says why",
    otherwise: "a run that fails says no more than that, and is tried again whatever the cause",
};
const HISTORY_IDS: Assumption = Assumption {
    name: "history_ids",
    text: "rows of the history bear the ids of their transfers",
    needed: false,
    holds: "a row of ours is known by its id",
    otherwise: "a row of ours is known by its places, user and end",
};
const HISTORY_TRANSFERS: Assumption = Assumption {
    name: "history_transfers",
    text: "cloud-to-cloud transfers stand in the transfer history",
    needed: false,
    holds: "a run that fails says why",
    otherwise: "a run that fails says no more than that, and is tried again whatever the cause",
};
const CANCEL: Assumption = Assumption {
    name: "cancel_refused",
    text: "a cancel of what is not running is answered with an error",
    needed: false,
    holds: "nothing",
    otherwise: "whatever is answered, a cancel is repeated until the list shows the transfer's end",
};

/// Our own transfers in the database, with the times of their requests. Absent if there is no
/// database to read.
pub type Ours = Option<BTreeMap<TransferId, Timestamp>>;

/// Asks the agent about everything, in order. Each question is asked even if others fail, except
/// those that make no sense then.
pub async fn examine(client: &AgentClient, ours: &Ours) -> Vec<Finding> {
    let mut findings = Vec::new();
    match client.agent_status().await {
        Err(error) => {
            let seen = format!("at `{}`: {error}{}", client.address(), whereabouts(&error));
            return vec![REACHABLE.judged(false, seen)];
        }
        Ok(state) => {
            findings.push(REACHABLE.judged(true, "it answered"));
            findings.push(match state {
                AgentState::Unknown => STATE.found(Verdict::CantTell, "it tells no known state"),
                state => STATE.judged(state == AgentState::Started, state.word()),
            });
            findings.extend(calls::state(client).await);
            findings.push(calls::version(client).await);
        }
    }
    token_itself(client, &mut findings);
    let user = match client.user().await {
        Ok(profile) => {
            findings.push(TOKEN.judged(true, "accepted"));
            let seen = if profile.user.is_some() { "a user id is told" } else { "none is told" };
            findings.push(USER.judged(profile.user.is_some(), seen));
            findings.push(page::role(profile.user_type.as_deref()));
            profile.user
        }
        Err(error @ (AskError::BadToken(_) | AskError::Unreachable(_) | AskError::PortHeld(_))) => {
            let next = match &error {
                AskError::BadToken(_) => client.token().hint(),
                _ => "",
            };
            let next = if next.is_empty() { String::new() } else { format!("; {next}") };
            findings.push(TOKEN.judged(false, format!("{error}{next}")));
            return findings;
        }
        Err(error) => {
            findings.push(TOKEN.found(Verdict::CantTell, error.to_string()));
            findings.push(USER.judged(false, error.to_string()));
            None
        }
    };
    let account = match client.accounts().await {
        Ok(accounts) => {
            findings.push(ACCOUNTS.judged(true, format!("{} listed", accounts.len())));
            // Others' buckets are addressed by ids, and may not be listed.
            let usual = accounts.iter().find(|account| account.has_buckets_by_name());
            usual.or(accounts.first()).map(|account| account.id)
        }
        Err(error) => {
            findings.push(ACCOUNTS.judged(false, error.to_string()));
            None
        }
    };
    let page = pages(client, user, ours, &mut findings).await;
    history(client, page.as_ref(), ours, &mut findings).await;
    // To check it, a transfer would have to be canceled.
    findings.push(CANCEL.found(Verdict::CantTell, "not asked: the doctor changes nothing"));
    findings.extend(calls::echoes(client, account).await);
    findings.push(objects::objects(client, account).await);
    findings
}

/// How an agent that does not answer is found.
fn whereabouts(error: &AskError) -> &'static str {
    match error {
        AskError::Unreachable(_) => {
            "; is the Amove desktop agent running there? `agent.url` in the job file says where it is"
        }
        // Its words say what to do, or it is there.
        AskError::PortHeld(_)
        | AskError::BadToken(_)
        | AskError::Refused { .. }
        | AskError::NoSuchRoute(_)
        | AskError::Unusable(_) => "",
    }
}

fn token_itself(client: &AgentClient, findings: &mut Vec<Finding>) {
    if let Ok(token) = client.token().current() {
        findings.push(match token::expiry(token.expose_secret()) {
            Some(end) => EXPIRY.judged(end > clock::now(), {
                format!("it expires at {}", with_offset(end, &TimeZone::system()))
            }),
            None => EXPIRY.found(
                Verdict::CantTell,
                "it shows no expiry date; expiry is noticed when the agent refuses it",
            ),
        });
        findings.push(match client.token().warning() {
            Some(warning) => PROTECTION.judged(false, warning),
            None => PROTECTION.judged(true, "no other user can read it"),
        });
    }
}

/// Reads pages of several sizes, and checks that they fit together.
async fn pages(
    client: &AgentClient,
    user: Option<UserId>,
    ours: &Ours,
    findings: &mut Vec<Finding>,
) -> Option<page::Page> {
    let long = match client.raw_page(1, PAGE_SIZE).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.push(page::unread(error.to_string()));
            return None;
        }
    };
    findings.push(match offset(&long) {
        Some(offset) if offset.abs() > AGENT_CLOCK_FAR => CLOCK_FAR.judged(false, distance(offset)),
        Some(offset) => CLOCK.judged(offset.abs() <= SKEW, distance(offset)),
        None => CLOCK.found(Verdict::CantTell, "the answer has no `Date` header"),
    });
    let long = match page::Page::of(&long) {
        Ok(long) => long,
        Err(words) => {
            findings.push(page::unread(words));
            return None;
        }
    };
    findings.extend(page::forms(&long));
    findings.extend(page::ours(&long, user, ours));
    let mut short = Vec::new();
    for number in 1..=2 {
        if let Ok(answer) = client.raw_page(number, 2).await
            && let Ok(read) = page::Page::of(&answer)
        {
            short.push(read);
        }
    }
    findings.extend(page::paging(&long, &short));
    Some(long)
}

/// Reads the first page of the transfer history.
async fn history(
    client: &AgentClient,
    page: Option<&page::Page>,
    ours: &Ours,
    findings: &mut Vec<Finding>,
) {
    match client.history_rows().await {
        Ok(rows) => {
            let number = rows.len();
            findings.push(HISTORY.judged(true, format!("{number} rows on its first page")));
            findings.push(row_ids(&rows, ours));
            findings.extend(page.map(|page| history_transfers(&rows, page)));
        }
        Err(error) => findings.push(HISTORY.judged(false, error.to_string())),
    }
}

/// Checks that finished transfers of the list have their rows.
fn history_transfers(rows: &[HistoryRow], page: &page::Page) -> Finding {
    let is_of = |row: &HistoryRow, transfer: &Transfer| {
        row.id == Some(transfer.id) || row.places == Some(transfer.loose_fingerprint)
    };
    let over: Vec<&Transfer> = page.transfers().filter(|t| t.status.is_terminal()).collect();
    let found = over.iter().filter(|t| rows.iter().any(|row| is_of(row, t))).count();
    let seen = format!("{found} of {} that are over", over.len());
    match found {
        0 if over.is_empty() => HISTORY_TRANSFERS.found(Verdict::CantTell, "none is over"),
        // Other users' rows may fill the page.
        0 if rows.len() >= HISTORY_PAGE_SIZE => HISTORY_TRANSFERS.found(Verdict::CantTell, seen),
        found => HISTORY_TRANSFERS.judged(found > 0, seen),
    }
}

fn row_ids(rows: &[HistoryRow], ours: &Ours) -> Finding {
    let Some(ours) = ours else {
        return HISTORY_IDS.found(Verdict::CantTell, "there is no database to compare it with");
    };
    let known = rows.iter().filter(|row| row.id.is_some_and(|id| ours.contains_key(&id))).count();
    match known {
        0 => HISTORY_IDS.found(Verdict::CantTell, "no id of our transfers is on its first page"),
        known => HISTORY_IDS.judged(true, format!("{known} ids of our transfers are there")),
    }
}

/// The distance between a time of the agent and ours.
fn distance(offset: SignedDuration) -> String {
    let long = duration::span(offset.abs());
    match offset.signum() {
        0 => "no difference that can be told".to_owned(),
        1 => format!("{long} ahead of ours"),
        _ => format!("{long} behind ours"),
    }
}
