//! Combines the files: merges all trees into one set of raw values, by the rules of `include`, and
//! makes a job set from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::agent::agent;
use super::alerts::{Entries, alerts};
use super::build::Builder;
use super::listen::at_the_agents;
use super::load::Read;
use super::node::{Kind, Node};
use super::problem::{At, Problem, Spot, WarningKind, cut};
use super::raw::{RawAgent, RawAlert, RawDefaults, RawFile, RawHistory, RawJob};
use super::reader::{Found, Read as _, Reader};
use super::sources::Sources;
use super::values::{Listen, PublicUrl};
use super::warn;
use super::zones;
use super::{Content, Loaded, Rejected, Surroundings, locate};
use crate::core::ids::{AccountId, JobName};
use crate::core::job::JobSet;
use crate::core::plain::is_unseen;
use crate::core::store::HistoryPolicy;
use crate::settings::Settings;

/// The link or file that determines the machine's zone.
const LOCALTIME: &str = "/etc/localtime";

/// The values of all files.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) agent: Option<Found<RawAgent>>,
    pub(crate) defaults: Option<Found<RawDefaults>>,
    pub(crate) accounts: HashMap<String, Account>,
    pub(crate) jobs: BTreeMap<String, (Spot, Option<RawJob>)>,
    /// Jobs whose names are invalid, or taken: checked for further errors.
    pub(crate) void_jobs: Vec<(String, Spot, RawJob)>,
    pub(crate) alerts: Vec<Found<RawAlert>>,
    pub(crate) history: Option<Found<RawHistory>>,
    pub(crate) listen: Option<Found<Listen>>,
    pub(crate) external_url: Option<Found<PublicUrl>>,
    /// Some file could not be read at all, or a map of names in it: missing names may be there.
    pub(crate) partial: bool,
}

/// An entry of `accounts`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) key: Spot,
    /// Absent if it was invalid, and reported.
    pub(crate) id: Option<Uuid>,
}

/// Builds the job set from the files that were read.
pub(crate) fn assemble(mut read: Read, surroundings: &Surroundings) -> Result<Loaded, Rejected> {
    let mut problems = std::mem::take(&mut read.problems);
    let whole = merge(&read, &mut problems);
    let content = build(whole, &read.sources, surroundings, &mut problems);
    let jobs = content.set.jobs.values();
    let names: BTreeSet<&str> = jobs.map(|job| job.timetable.zone_name()).collect();
    let zones = zones::files(names.into_iter());
    read.watched.extend(zones.keys().cloned());
    read.watched.insert(PathBuf::from(LOCALTIME));
    // The kept rules stay for zones that the machine has lost since.
    for kept in zones.into_values().flatten() {
        read.sources.keep(kept);
    }
    let (errors, warnings) =
        locate::diagnostics(problems, &read.sources, &read.trees, &read.mended, &read.private);
    let watched = read.watched.into_iter().collect();
    if errors.is_empty() {
        Ok(Loaded { content, sources: read.sources, warnings, watched })
    } else {
        Err(Rejected { errors, warnings, sources: Box::new(read.sources), watched })
    }
}

fn merge(read: &Read, problems: &mut Vec<Problem>) -> Whole {
    let mut whole = Whole { partial: read.incomplete, ..Whole::default() };
    let mut jobs_named = false;
    for (index, tree) in read.trees.iter().enumerate() {
        let file = u32::try_from(index).unwrap_or(u32::MAX);
        let Some(tree) = tree else {
            whole.partial = true;
            continue;
        };
        let text = read.sources.files[index].content();
        if matches!(tree.kind, Kind::Null) {
            if text.trim().is_empty() {
                let at = At::Path(read.sources.files[index].path.clone());
                problems.push(
                    Problem::error_at(at, "the file is empty")
                        .hint("a file without jobs says `jobs: {}`"),
                );
                whole.partial = true;
            }
            continue;
        }
        jobs_named |= names(tree, "jobs");
        let mut reader = Reader::new(file, problems);
        if !matches!(tree.kind, Kind::Map(_)) {
            let spot = reader.spot(tree);
            let message = format!("a job file is a map of keys, found {}", tree.describe());
            reader.tell(Problem::error(spot, message).hint("begin with `jobs:`"));
            whole.partial = true;
            continue;
        }
        if let Some(raw) = RawFile::read(tree, &mut reader) {
            whole.partial |= raw.accounts.is_none() && names(tree, "accounts");
            whole.partial |= raw.jobs.is_none() && names(tree, "jobs");
            whole.add(raw, problems);
        }
    }
    if !jobs_named && !whole.partial {
        let problem = match read.trees.first() {
            Some(Some(tree)) if !matches!(tree.kind, Kind::Null) => {
                Problem::error(Spot { file: 0, node: 0 }, "there is no `jobs` key")
            }
            Some(_) | None => {
                Problem::error_at(At::Path(read.sources.root.clone()), "there is no `jobs` key")
            }
        };
        problems.push(problem.hint("write `jobs: {}` if there are to be none"));
    }
    whole
}

/// True for a file with this key.
fn names(tree: &Node, name: &str) -> bool {
    let Kind::Map(entries) = &tree.kind else { return false };
    entries.iter().any(|(key, value)| {
        key.as_text() == Some(name)
            // It may come in through a merge; then it is not worth a closer look here.
            || (key.as_text() == Some("<<") && names(value, name))
    })
}

impl Whole {
    fn add(&mut self, raw: RawFile, problems: &mut Vec<Problem>) {
        single(&mut self.agent, raw.agent, "agent", problems);
        single(&mut self.defaults, raw.defaults, "defaults", problems);
        single(&mut self.history, raw.history, "history", problems);
        single(&mut self.listen, raw.listen, "listen", problems);
        single(&mut self.external_url, raw.external_url, "external_url", problems);
        if let Some(alerts) = raw.alerts {
            self.alerts.extend(alerts.value.0);
        }
        for entry in raw.accounts.into_iter().flat_map(|accounts| accounts.value.0) {
            if entry.void {
                continue;
            }
            let account = Account { key: entry.key, id: entry.value.map(|value| value.0) };
            if account.id.is_some_and(is_placeholder) {
                let message = format!(
                    "the id of the account `{}` is the example's, not one of the agent's accounts",
                    cut(&entry.name)
                );
                problems.push(
                    Problem::warning(WarningKind::Other, entry.key, message)
                        .hint("`transferd accounts --yaml` prints yours"),
                );
            }
            match self.accounts.get(&entry.name) {
                Some(first) => problems.push(twice("account", &entry.name, entry.key, first.key)),
                None => {
                    self.accounts.insert(entry.name, account);
                }
            }
        }
        for entry in raw.jobs.into_iter().flat_map(|jobs| jobs.value.0) {
            problems.extend(odd_name(&entry.name, entry.key));
            let taken = match self.jobs.get(&entry.name) {
                Some((first, _)) if !entry.void => {
                    problems.push(twice("job", &entry.name, entry.key, *first));
                    true
                }
                Some(_) | None => entry.void,
            };
            if !taken {
                self.jobs.insert(entry.name, (entry.key, entry.value));
            } else if let Some(value) = entry.value {
                self.void_jobs.push((entry.name, entry.key, value));
            }
        }
    }
}

/// The problem that keeps a text from being a job's name, beyond the rules for every name.
fn odd_name(name: &str, key: Spot) -> Option<Problem> {
    if matches!(name, "." | "..") {
        let message = format!("`{name}` can't be a job's name: in a path it is a folder");
        return Some(Problem::error(key, message));
    }
    let odd = JobName::forbidden_in(name).filter(|odd| *odd != '/' && !odd.is_control())?;
    let shown = if is_unseen(odd) || (odd != ' ' && odd.is_whitespace()) {
        format!("U+{:04X}", u32::from(odd))
    } else {
        format!("`{odd}`")
    };
    let message = format!("the name `{}` holds {shown}", cut(name));
    Some(Problem::error(key, message).hint(
        "a job's name holds letters and digits, spaces inside, `.`, `_` and `-`, as in \
         `nightly-footage`",
    ))
}

/// True for placeholder ids such as `transferd init` writes: all zeros except a few digits at the
/// end.
fn is_placeholder(id: Uuid) -> bool {
    const FEW: u128 = 1_000;
    id.as_u128() < FEW
}

fn single<T>(
    held: &mut Option<Found<T>>,
    new: Option<Found<T>>,
    key: &str,
    problems: &mut Vec<Problem>,
) {
    match (&held, new) {
        (_, None) => {}
        (None, Some(new)) => *held = Some(new),
        (Some(first), Some(new)) => problems.push(
            Problem::error(new.key, format!("`{key}` stands in two files"))
                .see(first.key, "first here")
                .hint("`accounts`, `jobs` and `alerts` may be spread over files; this may not"),
        ),
    }
}

fn twice(what: &str, name: &str, second: Spot, first: Spot) -> Problem {
    let name = cut(name);
    let problem = if second.file == first.file {
        Problem::error(second, format!("there are two {what}s with the name `{name}`"))
            .hint("their letters are the same, in another form of Unicode: rename one of them")
    } else {
        Problem::error(second, format!("the {what} `{name}` stands in two files"))
    };
    problem.see(first, "first here")
}

fn build(
    whole: Whole,
    sources: &Sources,
    surroundings: &Surroundings,
    problems: &mut Vec<Problem>,
) -> Content {
    let mut jobs = BTreeMap::new();
    let mut builder = Builder::new(&whole, sources, surroundings);
    for (name, (key, raw)) in &whole.jobs {
        let Some(raw) = raw else { continue };
        if let Some(job) = builder.job(name, *key, raw, problems) {
            jobs.insert(job.name.clone(), Arc::new(job));
        }
    }
    let Entries { alerts, desktop, digests, numbers } =
        alerts(&whole, sources, &mut builder, problems);
    let facts = builder.finish(problems);
    let mut void = Builder::new(&whole, sources, surroundings);
    for (name, key, raw) in &whole.void_jobs {
        void.job(name, *key, raw, problems);
    }
    warn::about(&jobs, &facts, surroundings, problems);
    let listen = whole.listen.as_ref();
    problems.extend(listen.and_then(|listen| at_the_agents(listen, whole.agent.as_ref())));
    let history = whole.history.as_ref().map(|found| &found.value);
    let default = HistoryPolicy::default();
    let named = |(name, account): (&String, &Account)| Some((AccountId(account.id?), name.clone()));
    let mut names: Vec<_> = whole.accounts.iter().filter_map(named).collect();
    // Of two names for one account the first in order counts.
    names.sort_unstable_by(|a, b| b.cmp(a));
    let (engines, connection) = agent(whole.agent.as_ref(), sources, problems);
    let set = JobSet {
        accounts: Arc::new(names.into_iter().collect()),
        agent: engines,
        alerts,
        digests,
        zone: surroundings.system_zone.1.clone(),
        jobs,
    };
    let settings = Settings {
        agent: connection,
        desktop,
        entries: numbers,
        history: HistoryPolicy {
            keep: history.and_then(|h| h.keep.as_ref()).map_or(default.keep, |k| k.value.0),
            max_runs: history
                .and_then(|h| h.max_runs.as_ref())
                .map_or(default.max_runs, |m| u64::from(m.value.0)),
        },
        listen: listen.map(|found| found.value.0),
        external_url: whole.external_url.as_ref().map(|found| found.value.0.clone()),
    };
    Content { set: Arc::new(set), settings: Arc::new(settings) }
}
