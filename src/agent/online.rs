//! `check --online`: compares a job file with the agent's accounts and settings. Only asks, changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use secrecy::ExposeSecret;

use super::client::AgentClient;
use super::failure::AskError;
use super::limits::BUCKETS_OF_MAX;
use super::token::expiry;
use super::wire::CloudAccount;
use crate::core::date_time::with_offset;
use crate::core::ids::AccountId;
use crate::core::job::JobSet;
use crate::core::suggest::closest;
use crate::core::transfer::AgentState;
use crate::settings::TokenSource;

/// The result of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Online {
    /// The checks that passed, in words.
    pub good: Vec<String>,
    /// The problems.
    pub problems: Vec<OnlineProblem>,
}

/// A problem in the job file, found with the agent's help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlineProblem {
    /// False for a warning.
    pub is_error: bool,
    /// The path of keys in the job file.
    pub keys: Vec<String>,
    /// The problem.
    pub words: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl Online {
    fn wrong(&mut self, keys: &[&str], words: impl Into<String>, hint: &str) {
        self.add(true, keys, words.into(), hint);
    }

    fn doubtful(&mut self, keys: &[&str], words: impl Into<String>, hint: &str) {
        self.add(false, keys, words.into(), hint);
    }

    fn add(&mut self, is_error: bool, keys: &[&str], words: String, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.problems.push(OnlineProblem { is_error, keys, words, hint });
    }
}

/// Requests the agent's state, the user, the cloud accounts, and the buckets of those that jobs
/// use.
///
/// `source` is the token's, and `names` are the accounts' names in the job file: both for messages.
pub async fn online(
    set: &JobSet,
    source: &TokenSource,
    names: &BTreeMap<AccountId, String>,
    client: &AgentClient,
) -> Online {
    let mut said = Online::default();
    match client.agent_status().await {
        Err(error) => {
            let words = match error {
                AskError::Unreachable(words) => {
                    format!("the agent can't be reached at `{}`: {words}", client.address())
                }
                AskError::PortHeld(_)
                | AskError::BadToken(_)
                | AskError::Refused { .. }
                | AskError::NoSuchRoute(_)
                | AskError::Unusable(_) => error.to_string(),
            };
            let hint = "is the Amove desktop agent running there? `agent.url` says where it is; \
                        runs wait for it";
            said.wrong(&["agent", "url"], words, hint);
            return said;
        }
        Ok(state) => agent_state(state, &mut said),
    }
    if token(source, client, &mut said).await {
        accounts(set, names, client, &mut said).await;
    }
    said
}

fn agent_state(state: AgentState, said: &mut Online) {
    match state {
        AgentState::Created => said.wrong(
            &["agent", "url"],
            "no user is signed in at the agent",
            "sign in with the desktop app; runs wait until then",
        ),
        AgentState::Disposed => said.wrong(
            &["agent", "url"],
            "the agent's session is over",
            "sign in with the desktop app; runs wait until then",
        ),
        AgentState::Stopped | AgentState::Paused => said.wrong(
            &["agent", "url"],
            format!("the agent is {}", state.word()),
            "start it in the desktop app; runs wait until then",
        ),
        AgentState::Started => said.good.push("it is at work".to_owned()),
        AgentState::Unknown => said.good.push("it answers".to_owned()),
    }
}

/// Whether the token is good enough to go on.
async fn token(source: &TokenSource, client: &AgentClient, said: &mut Online) -> bool {
    let keys = match source {
        TokenSource::File(_) | TokenSource::Credential => ["agent", "token_file"],
        TokenSource::Environment(_) => ["agent", "token_env"],
        TokenSource::Login(_) => ["agent", "login"],
    };
    let asked = client.user().await;
    if let Some(warning) = client.token().warning() {
        said.doubtful(&keys, warning, "");
    }
    match asked {
        Ok(profile) => {
            let end = client.token().current().ok().and_then(|t| expiry(t.expose_secret()));
            said.good.push(match end {
                Some(end) => {
                    format!("the token is good until {}", with_offset(end, &TimeZone::system()))
                }
                None => "the token is good".to_owned(),
            });
            role(profile.user_type.as_deref(), &keys, said);
            true
        }
        // An agent that does not report the user may still serve the rest.
        Err(AskError::NoSuchRoute(_)) => true,
        Err(error @ AskError::BadToken(_)) => {
            said.wrong(&keys, error.to_string(), client.token().hint());
            false
        }
        Err(error @ (AskError::Unreachable(_) | AskError::PortHeld(_))) => {
            said.wrong(&["agent", "url"], error.to_string(), "");
            false
        }
        Err(error @ (AskError::Refused { .. } | AskError::Unusable(_))) => {
            said.wrong(&keys, error.to_string(), "`transferd doctor` looks closer");
            true
        }
    }
}

/// Reports a user type that click-api names and that may not transfer.
fn role(user_type: Option<&str>, keys: &[&str], said: &mut Online) {
    match user_type {
        Some("64") => standard(keys, said),
        Some(name) if name.eq_ignore_ascii_case("DesktopStandardUser") => standard(keys, said),
        Some("16") => said.good.push("its user is a DesktopAdmin".to_owned()),
        Some("32") => said.good.push("its user is a DesktopCreativeUser".to_owned()),
        Some(name) if name.chars().all(|c| c.is_ascii_alphabetic()) => {
            said.good.push(format!("its user is a {name}"));
        }
        Some(_) | None => {}
    }
}

fn standard(keys: &[&str], said: &mut Online) {
    said.wrong(
        keys,
        "the user is a DesktopStandardUser, who may not queue transfers",
        "it takes one of ProviderAdmin, AccountAdmin, DesktopAdmin and DesktopCreativeUser",
    );
}

async fn accounts(
    set: &JobSet,
    names: &BTreeMap<AccountId, String>,
    client: &AgentClient,
    said: &mut Online,
) {
    let listed = match client.accounts().await {
        Ok(listed) => listed,
        Err(error) => {
            said.wrong(&["accounts"], format!("the cloud accounts can't be listed: {error}"), "");
            return;
        }
    };
    let known: BTreeMap<AccountId, _> = listed.iter().map(|a| (a.id, a)).collect();
    let used = uses(set);
    let problems = said.problems.len();
    for (number, (id, uses)) in used.iter().enumerate() {
        let called = match names.get(id) {
            Some(name) => format!("the account `{name}` ({id})"),
            None => format!("the account {id}"),
        };
        let words = format!("{called}, which {} {},", uses.jobs(), uses.verb());
        // An id that is wrong is to be mended where it stands.
        let place = uses.place.keys("account");
        let entry = names.get(id).map(|name| ["accounts", name]);
        let keys: &[&str] = entry.as_ref().map_or(&place, |entry| entry);
        match known.get(id) {
            None => said.wrong(
                keys,
                format!("{words} is not known to the agent"),
                "`transferd accounts` lists those that are",
            ),
            Some(account) if account.deleted => {
                said.wrong(keys, format!("{words} is deleted at the agent"), "");
            }
            Some(account) if !account.active => {
                said.wrong(keys, format!("{words} is not active at the agent"), "");
            }
            Some(account) if number < BUCKETS_OF_MAX => buckets(account, uses, client, said).await,
            Some(_) => {}
        }
    }
    if said.problems.len() == problems && !used.is_empty() {
        said.good.push("the accounts and buckets are known".to_owned());
    }
}

/// Looks for the buckets that jobs use in an account. A bucket that is not listed may still exist,
/// as another account's bucket that this one may write to: a warning, not an error.
async fn buckets(account: &CloudAccount, uses: &Uses<'_>, client: &AgentClient, said: &mut Online) {
    if !account.has_buckets_by_name() {
        return;
    }
    let listed = match client.buckets(account.id).await {
        Ok(Some(listed)) => listed,
        Ok(None) => return,
        Err(error) => {
            let words = format!("the buckets of `{}` can't be listed: {error}", account.name);
            said.doubtful(
                &uses.place.keys("account"),
                words,
                "they were not checked; nothing else depends on it",
            );
            return;
        }
    };
    let names: Vec<&str> = listed.iter().map(String::as_str).collect();
    for (bucket, place) in &uses.buckets {
        if !names.contains(bucket) {
            let hint = closest(bucket, &names).map_or_else(
                || "one that another account shares with it may be missing there".to_owned(),
                |name| format!("did you mean `{name}`?"),
            );
            let words = format!(
                "the bucket `{bucket}` of job `{}` is not among the {} that the agent lists for `{}`",
                place.job,
                listed.len(),
                account.name
            );
            said.doubtful(&place.keys("bucket"), words, &hint);
        }
    }
}

/// A job's source or destination.
#[derive(Clone, Copy)]
struct At<'a> {
    job: &'a str,
    side: &'static str,
}

impl<'a> At<'a> {
    /// The path of one of its own keys.
    fn keys(self, key: &'a str) -> [&'a str; 4] {
        ["jobs", self.job, self.side, key]
    }
}

/// The uses of an account in the job file.
struct Uses<'a> {
    /// The first place that uses it.
    place: At<'a>,
    /// The jobs that use it.
    names: BTreeSet<&'a str>,
    /// The buckets, each with the first place that names it.
    buckets: BTreeMap<&'a str, At<'a>>,
}

impl Uses<'_> {
    fn verb(&self) -> &'static str {
        if self.names.len() == 1 { "uses" } else { "use" }
    }

    fn jobs(&self) -> String {
        let names: Vec<&str> = self.names.iter().copied().collect();
        match names.as_slice() {
            [] => "no job".to_owned(),
            [one] => format!("job `{one}`"),
            [one, other] => format!("job `{one}` and job `{other}`"),
            [one, others @ ..] => format!("job `{one}` and {} others", others.len()),
        }
    }
}

fn uses(set: &JobSet) -> BTreeMap<AccountId, Uses<'_>> {
    let mut all: BTreeMap<AccountId, Uses<'_>> = BTreeMap::new();
    for job in set.jobs.values() {
        for (side, place) in [("source", &job.source), ("destination", &job.destination)] {
            let at = At { job: job.name.as_str(), side };
            let uses = all.entry(place.account).or_insert_with(|| Uses {
                place: at,
                names: BTreeSet::new(),
                buckets: BTreeMap::new(),
            });
            uses.names.insert(job.name.as_str());
            uses.buckets.entry(&place.bucket).or_insert(at);
        }
    }
    all
}
