//! `alerts`: each entry has one channel, and names existing jobs.

use std::path::PathBuf;
use std::sync::Arc;

use globset::Glob;

use super::assemble::Whole;
use super::bounds::ERRORS_SHOWN;
use super::build::Builder;
use super::lists::ListOf;
use super::names::{Scope, closest_name, example};
use super::problem::{Problem, Spot, WarningKind, cut};
use super::raw::{Notifier, RawAlert, RawDigest, RawPing, RawWebhook};
use super::reader::Found;
use super::secret_file::SecretFileName;
use super::sources::Sources;
use super::values::{SecretUrl, Text};
use crate::core::job::{Alert, AlertChannel, DigestEntry, SecretText};
use crate::core::meant::is_glob;
use crate::core::plain::composed;
use crate::settings::{DesktopAlert, EntryNumbers};

/// The valid entries, by how they are delivered.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// The daemon delivers them.
    pub(crate) alerts: Vec<Alert>,
    /// `transferd desktop` delivers them.
    pub(crate) desktop: Vec<DesktopAlert>,
    /// The daemon sends a summary.
    pub(crate) digests: Vec<Arc<DigestEntry>>,
    /// Their places in the file.
    pub(crate) numbers: EntryNumbers,
}

impl Entries {
    /// Notes the number of the entry that was added last, if it was.
    fn note_number(&mut self, number: usize) {
        let Self { alerts, desktop, digests, numbers } = self;
        numbers.alerts.resize(alerts.len(), number);
        numbers.desktop.resize(desktop.len(), number);
        numbers.digests.resize(digests.len(), number);
    }
}

/// All valid alerts.
pub(crate) fn alerts(
    whole: &Whole,
    sources: &Sources,
    builder: &mut Builder<'_>,
    problems: &mut Vec<Problem>,
) -> Entries {
    let mut entries = Entries::default();
    for (number, found) in whole.alerts.iter().enumerate() {
        let jobs = jobs(&found.value, whole, problems);
        match &found.value.digest {
            Some(digest) => {
                let entry = digest_entry(found, digest, jobs, sources, builder, problems);
                entries.digests.extend(entry.map(Arc::new));
            }
            None => {
                read(found, jobs, sources, problems, &mut entries);
            }
        }
        entries.note_number(number);
    }
    entries
}

/// The jobs that an entry covers: names or globs; empty for all.
fn jobs(raw: &RawAlert, whole: &Whole, problems: &mut Vec<Problem>) -> Vec<String> {
    raw.jobs
        .iter()
        .flat_map(|jobs| &jobs.value.0)
        .map(|job| {
            check_jobs(&job.value.0, job.at, whole, problems);
            job.value.0.clone()
        })
        .collect()
}

fn read(
    found: &Found<RawAlert>,
    jobs: Vec<String>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
    entries: &mut Entries,
) -> Option<()> {
    let raw = &found.value;
    let way = way(found, problems);
    if raw.on.is_none() && !found.has_problem(problems) {
        problems.push(
            Problem::error(found.at, "the alert has no `on`")
                .maybe_hint(example(Scope::Alert, "on")),
        );
    }
    let on = raw.on.as_ref()?.value.0.iter().map(|event| event.value.0).collect();
    match raw.notify.as_ref().map(|notify| notify.value.0) {
        Some(Notifier::Desktop) if way? == "notify" => {
            entries.desktop.push(DesktopAlert { on, jobs });
        }
        Some(Notifier::Desktop) | None => {
            way?;
            let (webhook, command) = (raw.webhook.as_ref(), raw.command.as_ref());
            let channel = channel(webhook, command, raw.ping.as_ref(), sources, problems)?;
            entries.alerts.push(Alert { on, jobs, channel });
        }
    }
    Some(())
}

/// An entry with `digest`, which has its own schedule and its own channel, and no other.
fn digest_entry(
    found: &Found<RawAlert>,
    digest: &Found<RawDigest>,
    jobs: Vec<String>,
    sources: &Sources,
    builder: &mut Builder<'_>,
    problems: &mut Vec<Problem>,
) -> Option<DigestEntry> {
    let raw = &found.value;
    let beside = [
        ("on", raw.on.as_ref().map(|found| found.key)),
        ("webhook", raw.webhook.as_ref().map(|found| found.key)),
        ("command", raw.command.as_ref().map(|found| found.key)),
        ("ping", raw.ping.as_ref().map(|found| found.key)),
        ("notify", raw.notify.as_ref().map(|found| found.key)),
    ];
    for (name, at) in beside.into_iter().filter_map(|(name, at)| at.map(|at| (name, at))) {
        let hint = match name {
            "on" => "a digest tells of everything that has happened: leave `on` out",
            "webhook" | "command" => "write it under `digest`, or as an entry of its own with `on`",
            _ => "write two entries, one for each",
        };
        problems.push(
            Problem::error(at, format!("an entry with `digest` has no `{name}`"))
                .see(digest.key, "the digest")
                .hint(hint),
        );
    }
    let inner = &digest.value;
    let no_time = inner.schedule.as_ref().is_some_and(|found| found.value.0.is_empty());
    if no_time {
        problems.push(
            Problem::error(digest.key, "the digest names no time")
                .hint("write for example `schedule: \"0 8 * * *\"`"),
        );
    }
    let timetable = builder.digest_timetable(inner, problems);
    let channel = match (&inner.webhook, &inner.command) {
        (None, None) => {
            if !digest.has_problem(problems) {
                problems.push(
                    Problem::error(digest.key, "the digest does not say how it is delivered")
                        .hint("give it one of `webhook` or `command`"),
                );
            }
            None
        }
        (Some(webhook), Some(command)) => {
            problems.push(
                Problem::error(command.key, "the digest has both `webhook` and `command`")
                    .see(webhook.key, "the other one")
                    .hint("write two entries, one for each"),
            );
            None
        }
        (webhook, command) => channel(webhook.as_ref(), command.as_ref(), None, sources, problems),
    };
    let (timetable, channel) = (timetable?, channel?);
    Some(DigestEntry { timetable, jobs, channel })
}

/// Checks a pattern: a name must be a job's; a glob that matches none yet is worth a warning.
fn check_jobs(pattern: &str, at: Spot, whole: &Whole, problems: &mut Vec<Problem>) {
    let pattern = &*composed(pattern);
    if whole.jobs.contains_key(pattern) || whole.partial {
        return;
    }
    if !is_glob(pattern) {
        // A hint takes time; a person with so many errors fixes the first ones first.
        let few = problems.len() < ERRORS_SHOWN;
        let near = few.then(|| closest_name(pattern, whole.jobs.keys())).flatten();
        let hint = match pattern.starts_with('!') {
            true => Some("jobs can't be excluded: name the others, or a glob of them".to_owned()),
            false => near.map(|near| format!("did you mean `{near}`?")),
        };
        problems.push(
            Problem::error(at, format!("no job is called `{}`", cut(pattern))).maybe_hint(hint),
        );
        return;
    }
    match Glob::new(pattern) {
        Err(error) => problems.push(Problem::error(
            at,
            format!("`{}` is not a glob: {}", cut(pattern), error.kind()),
        )),
        Ok(glob) => {
            let matcher = glob.compile_matcher();
            if !whole.jobs.keys().any(|name| matcher.is_match(name)) {
                let message = format!("no job's name matches `{}`", cut(pattern));
                problems.push(Problem::warning(WarningKind::Other, at, message));
            }
        }
    }
}

/// The key of the alert's channel: there must be exactly one.
fn way(found: &Found<RawAlert>, problems: &mut Vec<Problem>) -> Option<&'static str> {
    let raw = &found.value;
    let keys = [
        ("webhook", raw.webhook.as_ref().map(|found| found.key)),
        ("command", raw.command.as_ref().map(|found| found.key)),
        ("ping", raw.ping.as_ref().map(|found| found.key)),
        ("notify", raw.notify.as_ref().map(|found| found.key)),
    ];
    let mut named = keys.iter().filter_map(|(name, key)| key.map(|key| (*name, key)));
    match (named.next(), named.next()) {
        (None, _) => {
            if found.has_problem(problems) {
                return None;
            }
            problems.push(
                Problem::error(found.at, "the alert does not say how it is delivered").hint(
                    "give it one of `webhook`, `command`, `ping`, `notify: desktop` or `digest`",
                ),
            );
            None
        }
        (Some((first, at)), Some((second, also_at))) => {
            problems.push(
                Problem::error(also_at, format!("the alert has both `{first}` and `{second}`"))
                    .see(at, "the other one")
                    .hint("write two alerts, one for each"),
            );
            Some(first)
        }
        (Some((only, _)), None) => Some(only),
    }
}

fn channel(
    webhook: Option<&Found<RawWebhook>>,
    command: Option<&Found<ListOf<Text>>>,
    ping: Option<&Found<RawPing>>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<AlertChannel> {
    if let Some(webhook) = webhook {
        let raw = &webhook.value;
        let headers = raw.headers_file.as_ref();
        return Some(AlertChannel::Webhook {
            url: address(webhook, raw.url.as_ref(), raw.url_file.as_ref(), sources, problems)?,
            headers_file: headers.map(|file| sources.resolve(file.at.file, &file.value.0)),
        });
    }
    if let Some(ping) = ping {
        let raw = &ping.value;
        return Some(AlertChannel::Ping {
            url: address(ping, raw.url.as_ref(), raw.url_file.as_ref(), sources, problems)?,
        });
    }
    let command = command?;
    let mut words: Vec<String> = command.value.0.iter().map(|word| word.value.0.clone()).collect();
    if let Some(program) = words.first_mut()
        && program.contains('/')
    {
        *program = resolved(program, command.at.file, sources);
    }
    if words.first().is_none_or(|program| program.trim().is_empty())
        && !command.has_problem(problems)
    {
        problems.push(
            Problem::error(command.at, "the command names no program")
                .hint("write for example `[/usr/local/bin/notify, ops]`"),
        );
    }
    Some(AlertChannel::Command(words))
}

/// The path of a program, relative to the file that names it, as all paths in it are.
fn resolved(program: &str, file: u32, sources: &Sources) -> String {
    let path: PathBuf = sources.resolve(file, program).components().collect();
    // A path that is not text can't be kept: the program stays as it is written.
    path.into_os_string().into_string().unwrap_or_else(|_| program.to_owned())
}

fn address<T>(
    map: &Found<T>,
    url: Option<&Found<SecretUrl>>,
    file: Option<&Found<SecretFileName>>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<SecretText> {
    match (url, file) {
        (Some(url), None) => Some(SecretText::Inline(url.value.0.clone())),
        (None, Some(file)) => Some(SecretText::File(sources.resolve(file.at.file, &file.value.0))),
        (Some(url), Some(file)) => {
            problems.push(
                Problem::error(file.key, "both `url` and `url_file` say where to")
                    .see(url.key, "the other one")
                    .hint("keep one of them; `url_file` keeps the address out of the job file"),
            );
            None
        }
        (None, None) => {
            if map.has_problem(problems) {
                return None;
            }
            problems.push(
                Problem::error(map.key, "nothing says where to")
                    .hint("give it `url_file` or `url`"),
            );
            None
        }
    }
}
