//! The agent's list compared with the daemon's answers: nothing lost, nothing doubled, nothing
//! foreign touched.
//!
//! Knows nothing of how the two were treated before. The agent's record is the admin route's: it
//! has what `get_all` never showed, and what the agent has forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

/// A job whose every occurrence must have been accounted for.
pub(crate) struct Expected<'a> {
    pub(crate) job: &'a str,
    pub(crate) period_seconds: i64,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// What was found. Each violation is a sentence.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) runs: BTreeMap<String, usize>,
    pub(crate) transfers: usize,
    pub(crate) foreign: usize,
    pub(crate) canceled: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) touched: Vec<String>,
    pub(crate) untrue: Vec<String>,
}

impl Findings {
    pub(crate) fn violations(&self) -> impl Iterator<Item = &String> {
        self.lost.iter().chain(&self.doubled).chain(&self.touched).chain(&self.untrue)
    }
}

/// A transfer as the agent knows it.
struct Fact<'a> {
    id: &'a str,
    status: &'a str,
    gone: bool,
    active: bool,
    destination: &'a str,
}

impl Fact<'_> {
    /// It has moved the files, or still may.
    fn counts(&self) -> bool {
        !self.gone && self.status != "canceled" && self.status != "error"
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Holds `/_sim/transfers` against `history --json`.
pub(crate) fn reconcile(
    transfers: &Value,
    history: &[Value],
    expected: &[Expected<'_>],
) -> Findings {
    let mut found = Findings::default();
    let facts = ours(transfers, &mut found);
    let mut owners: HashMap<&str, &str> = HashMap::new();
    let mut of_run: BTreeMap<&str, Vec<&Fact<'_>>> = BTreeMap::new();
    for run in history {
        let id = text(run, "/id");
        *found.runs.entry(text(run, "/state").to_owned()).or_default() += 1;
        if run["ended_at"].is_null() {
            found.lost.push(format!("run {id} has no end: {run}"));
        }
        for attempt in run["attempts"].as_array().into_iter().flatten() {
            let Some(transfer) = attempt["transfer_id"].as_str() else { continue };
            if let Some(other) = owners.insert(transfer, id) {
                found.untrue.push(format!("transfer {transfer} is claimed by {other} and {id}"));
            }
            match facts.get(transfer) {
                Some(fact) => of_run.entry(id).or_default().push(fact),
                None => found.untrue.push(format!("run {id} claims {transfer}, which isn't ours")),
            }
        }
    }
    let runs: BTreeSet<&str> = history.iter().map(|run| text(run, "/id")).collect();
    for fact in facts.values().filter(|fact| !owners.contains_key(fact.id)) {
        // Some jobs write to a folder that is named for the run.
        let named = fact.destination.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if let Some(run) = runs.get(named) {
            of_run.entry(run).or_default().push(fact);
        } else if fact.counts() {
            found.doubled.push(format!(
                "transfer {} to `{}` is {}, and no run knows of it",
                fact.id, fact.destination, fact.status
            ));
        }
    }
    for run in history {
        judge(run, of_run.get(text(run, "/id")).map_or(&[], Vec::as_slice), &mut found);
    }
    for fact in facts.values().filter(|fact| fact.active) {
        found.doubled.push(format!("transfer {} is still active", fact.id));
    }
    for job in expected {
        occurrences(job, history, &mut found);
    }
    found
}

/// What came of a POST; the rest is looked at for cancels that nobody may have sent.
fn ours<'a>(transfers: &'a Value, found: &mut Findings) -> HashMap<&'a str, Fact<'a>> {
    let mut facts = HashMap::new();
    for entry in transfers.as_array().expect("a list") {
        let transfer = &entry["transfer"];
        let fact = Fact {
            id: text(transfer, "/id"),
            status: text(transfer, "/status"),
            gone: transfer["gone"] == true,
            active: entry["active"] == true,
            destination: text(transfer, "/request/destination/path"),
        };
        if transfer["origin"] == "foreign" {
            found.foreign += 1;
            if transfer["cancels"].as_array().is_none_or(|cancels| !cancels.is_empty()) {
                found.touched.push(format!("foreign transfer {} was canceled", fact.id));
            }
            continue;
        }
        found.transfers += 1;
        found.canceled += usize::from(fact.status == "canceled");
        facts.insert(fact.id, fact);
    }
    facts
}

fn judge(run: &Value, facts: &[&Fact<'_>], found: &mut Findings) {
    let (id, state) = (text(run, "/id"), text(run, "/state"));
    let counting: Vec<&str> = facts.iter().filter(|f| f.counts()).map(|f| f.id).collect();
    let completed = facts.iter().filter(|fact| fact.status == "completed").count();
    if counting.len() > 1 {
        found.doubled.push(format!("run {id} has {counting:?}"));
    }
    match (state, completed) {
        ("succeeded", 0) => found.lost.push(format!("run {id} succeeded with no transfer")),
        ("succeeded", _) | (_, 0) => {}
        _ => found.untrue.push(format!("run {id} is {state}, but a transfer completed: {run}")),
    }
    if state == "skipped" && !facts.is_empty() {
        found.untrue.push(format!("run {id} was skipped, and has transfers"));
    }
}

/// Every occurrence of the time is there, once.
fn occurrences(expected: &Expected<'_>, history: &[Value], found: &mut Findings) {
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    for run in history.iter().filter(|run| run["job"] == expected.job) {
        if let Some(at) = run["scheduled_for"].as_str() {
            let at: Timestamp = at.parse().expect("RFC 3339");
            *seen.entry(at.as_second()).or_default() += 1;
        }
    }
    for (at, _) in seen.iter().filter(|(_, times)| **times > 1) {
        found.doubled.push(format!("{}: the occurrence at {at} has two runs", expected.job));
    }
    let period = expected.period_seconds;
    let first = (expected.from.as_second() / period + 1) * period;
    for at in (first..=expected.to.as_second()).step_by(usize::try_from(period).expect("small")) {
        if !seen.contains_key(&at) {
            found.lost.push(format!("{}: the occurrence at {at} is in no record", expected.job));
        }
    }
}
