//! `alerts`: each goes one way, and names jobs that are there.

use globset::Glob;

use super::assemble::Whole;
use super::bounds::ERRORS_SHOWN;
use super::names::closest_name;
use super::problem::{Problem, Spot, WarningKind, cut};
use super::raw::{Notifier, RawAlert};
use super::reader::Found;
use super::sources::Sources;
use super::values::{FileName, SecretUrl};
use crate::core::job::{Alert, AlertChannel, DesktopAlert, SecretText};
use crate::core::meant::is_glob;

/// The entries that are good, by who delivers them.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// The daemon.
    pub(crate) alerts: Vec<Alert>,
    /// `transferd desktop`.
    pub(crate) desktop: Vec<DesktopAlert>,
}

/// All alerts that are good.
pub(crate) fn alerts(whole: &Whole, sources: &Sources, problems: &mut Vec<Problem>) -> Entries {
    let mut entries = Entries::default();
    for found in &whole.alerts {
        read(found, whole, sources, problems, &mut entries);
    }
    entries
}

fn read(
    found: &Found<RawAlert>,
    whole: &Whole,
    sources: &Sources,
    problems: &mut Vec<Problem>,
    entries: &mut Entries,
) -> Option<()> {
    let raw = &found.value;
    let on = raw.on.as_ref()?.value.0.iter().map(|event| event.value.0).collect();
    let jobs: Vec<String> = raw
        .jobs
        .iter()
        .flat_map(|jobs| &jobs.value.0)
        .map(|job| {
            check_jobs(&job.value.0, job.at, whole, problems);
            job.value.0.clone()
        })
        .collect();
    let way = way(found, problems)?;
    match raw.notify.as_ref().map(|notify| notify.value.0) {
        Some(Notifier::Desktop) if way == "notify" => {
            entries.desktop.push(DesktopAlert { on, jobs });
        }
        Some(Notifier::Desktop) | None => {
            entries.alerts.push(Alert { on, jobs, channel: channel(raw, sources, problems)? });
        }
    }
    Some(())
}

/// A name must be a job's; a glob that matches none yet is worth a word.
fn check_jobs(pattern: &str, at: Spot, whole: &Whole, problems: &mut Vec<Problem>) {
    if whole.jobs.contains_key(pattern) || whole.partial {
        return;
    }
    if !is_glob(pattern) {
        // A hint takes time; who has so many errors mends the first ones first.
        let few = problems.len() < ERRORS_SHOWN;
        let near = few.then(|| closest_name(pattern, whole.jobs.keys())).flatten();
        problems.push(
            Problem::error(at, format!("no job is called `{}`", cut(pattern)))
                .maybe_hint(near.map(|near| format!("did you mean `{near}`?"))),
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

/// The key that says how the alert is delivered: there must be one, and no other.
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
                Problem::error(found.at, "the alert does not say how it is delivered")
                    .hint("give it one of `webhook`, `command`, `ping` or `notify: desktop`"),
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

fn channel(raw: &RawAlert, sources: &Sources, problems: &mut Vec<Problem>) -> Option<AlertChannel> {
    if let Some(webhook) = &raw.webhook {
        let raw = &webhook.value;
        let headers = raw.headers_file.as_ref();
        return Some(AlertChannel::Webhook {
            url: address(webhook, raw.url.as_ref(), raw.url_file.as_ref(), sources, problems)?,
            headers_file: headers.map(|file| sources.resolve(file.at.file, &file.value.0)),
        });
    }
    if let Some(ping) = &raw.ping {
        let raw = &ping.value;
        return Some(AlertChannel::Ping {
            url: address(ping, raw.url.as_ref(), raw.url_file.as_ref(), sources, problems)?,
        });
    }
    let command = raw.command.as_ref()?;
    let words: Vec<String> = command.value.0.iter().map(|word| word.value.0.clone()).collect();
    if words.first().is_none_or(|program| program.trim().is_empty()) {
        problems.push(
            Problem::error(command.at, "the command names no program")
                .hint("write for example `[/usr/local/bin/notify, ops]`"),
        );
    }
    Some(AlertChannel::Command(words))
}

fn address<T>(
    map: &Found<T>,
    url: Option<&Found<SecretUrl>>,
    file: Option<&Found<FileName>>,
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
