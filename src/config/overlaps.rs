//! Overlapping jobs: two that write to overlapping destinations, or one that reads what another
//! writes.
//!
//! Places are compared after accounts are resolved and before templates are filled, but for `{job}`
//! and `{run}`, which keep jobs apart. Keeps true: near-linear in the number of jobs, by sorting;
//! never a comparison of all pairs.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::bounds::WARNINGS_SHOWN;
use super::build::Facts;
use super::problem::{Problem, WarningKind};
use crate::core::ids::{AccountId, JobName};
use crate::core::job::{Job, PlaceTemplate};
use crate::core::place::segments;

/// A place in sortable form: each segment of the path ends in `/`, so that containment is being a
/// prefix, and the contents of a place directly follow it.
type Key<'a> = (AccountId, &'a str, String);

/// Reports overlapping jobs. Jobs without a schedule and disabled ones are left out: they run on
/// request only.
pub(crate) fn about(
    jobs: &BTreeMap<JobName, Arc<Job>>,
    facts: &[Facts],
    problems: &mut Vec<Problem>,
) {
    let scheduled: Vec<(&Job, &Facts)> = facts
        .iter()
        .filter_map(|fact| Some((&**jobs.get(&fact.name)?, fact)))
        .filter(|(job, _)| job.enabled && !job.timetable.is_empty())
        .collect();
    let mut destinations: Vec<(Key<'_>, usize)> =
        scheduled.iter().enumerate().map(|(i, (job, _))| (key(job, &job.destination), i)).collect();
    destinations.sort_unstable();
    writes(&scheduled, &destinations, problems);
    reads(&scheduled, &destinations, problems);
}

fn key<'a>(job: &Job, place: &'a PlaceTemplate) -> Key<'a> {
    let mut text = Cow::Borrowed(place.path.text());
    // A literal brace is rare, and could be part of what looks like a pattern.
    if text.contains('{') && !text.contains("{{") {
        let (name, no_run) = (job.name.as_str(), format!("{{run of {}}}", job.name));
        text = Cow::Owned(text.replace("{job}", name).replace("{run}", &no_run));
    }
    let mut path = String::with_capacity(text.len() + 1);
    for segment in segments(&text) {
        path.push_str(segment);
        path.push('/');
    }
    (place.account, &place.bucket, path)
}

fn contains(outer: &Key<'_>, inner: &Key<'_>) -> bool {
    outer.0 == inner.0 && outer.1 == inner.1 && inner.2.starts_with(&outer.2)
}

fn writes(
    scheduled: &[(&Job, &Facts)],
    destinations: &[(Key<'_>, usize)],
    problems: &mut Vec<Problem>,
) {
    let mut around: Vec<&(Key<'_>, usize)> = Vec::new();
    let mut listed = Vec::new();
    let mut pairs = 0_usize;
    for entry in destinations {
        while around.last().is_some_and(|outer| !contains(&outer.0, &entry.0)) {
            around.pop();
        }
        pairs += around.len();
        let room = WARNINGS_SHOWN - listed.len();
        // The innermost first: it is the most specific.
        let pairs = around.iter().rev().map(|outer| (outer.1.min(entry.1), outer.1.max(entry.1)));
        listed.extend(pairs.take(room));
        around.push(entry);
    }
    let beyond = pairs - listed.len();
    let count = listed.len();
    for (i, (first, second)) in listed.into_iter().enumerate() {
        let ((one, one_facts), (other, other_facts)) = (scheduled[first], scheduled[second]);
        let together = !one.terms.exclusive && !other.terms.exclusive;
        let message = format!(
            "`{}` and `{}` write to overlapping destinations{}",
            one.name,
            other.name,
            if together { ", both at once" } else { "" }
        );
        let mut problem =
            Problem::warning(WarningKind::WriteWrite, other_facts.destination, message)
                .see(one_facts.destination, format!("`{}` writes here", one.name));
        if !together {
            problem = problem.hint(
                "while one of them runs, the other waits; `exclusive: false` on both lets them \
                 run together",
            );
        }
        if i + 1 == count {
            problem.more = beyond;
        }
        problems.push(problem);
    }
}

fn reads(
    scheduled: &[(&Job, &Facts)],
    destinations: &[(Key<'_>, usize)],
    problems: &mut Vec<Problem>,
) {
    // Of several jobs that write to one place, the first two are enough: one of them is another
    // job.
    let mut exact: HashMap<&Key<'_>, [Option<usize>; 2]> = HashMap::new();
    for (key, i) in destinations {
        let slots = exact.entry(key).or_default();
        if let Some(free) = slots.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(*i);
        }
    }
    for (reader, (job, facts)) in scheduled.iter().enumerate() {
        let source = key(job, &job.source);
        let Some(writer) =
            around(&exact, &source, reader).or_else(|| inside(destinations, &source, reader))
        else {
            continue;
        };
        let (other, other_facts) = scheduled[writer];
        let message = format!("`{}` reads what `{}` writes", job.name, other.name);
        problems.push(
            Problem::warning(WarningKind::ReadWrite, facts.source, message)
                .see(other_facts.destination, format!("`{}` writes here", other.name))
                .hint("if they run at the same time, a part may be missed or copied half done"),
        );
    }
}

/// Another job whose destination is this source or contains it.
fn around(
    exact: &HashMap<&Key<'_>, [Option<usize>; 2]>,
    source: &Key<'_>,
    reader: usize,
) -> Option<usize> {
    let ends = std::iter::once(0).chain(source.2.match_indices('/').map(|(at, _)| at + 1));
    for end in ends {
        let outer = (source.0, source.1, source.2[..end].to_owned());
        let slots = exact.get(&outer).copied().unwrap_or_default();
        if let Some(writer) = slots.into_iter().flatten().find(|writer| *writer != reader) {
            return Some(writer);
        }
    }
    None
}

/// Another job whose destination lies in this source.
fn inside(destinations: &[(Key<'_>, usize)], source: &Key<'_>, reader: usize) -> Option<usize> {
    let from = destinations.partition_point(|(key, _)| key < source);
    destinations[from..]
        .iter()
        .take_while(|(key, _)| contains(source, key))
        .map(|(_, i)| *i)
        .find(|writer| *writer != reader)
}
