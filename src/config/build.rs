//! Builds one job from its raw values and the defaults: looks up accounts, and parses schedules,
//! zones and templates, each distinct text once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Surroundings;
use super::assemble::Whole;
use super::bounds::ERRORS_SHOWN;
use super::lists::Schedules;
use super::names::closest_name;
use super::path_hints;
use super::problem::{Problem, Spot, WarningKind, cut};
use super::raw::{RawDigest, RawJob, RawPlace, RawRetry};
use super::reader::{Found, Read as _};
use super::sources::Sources;
use super::values::Name;
use super::zones::Zones;
use crate::core::duration;
use crate::core::ids::{AccountId, JobName};
use crate::core::job::{CatchUp, Job, Overlap, PlaceTemplate, RetryPolicy, Terms};
use crate::core::place::segments;
use crate::core::plain::composed;
use crate::core::schedule::{Schedule, ScheduleError, Timetable};
use crate::core::template::PathTemplate;
use jiff::SignedDuration;

/// Zones that are an offset alone, by the name of one that has summer time too; each with its place.
const WITHOUT_SUMMER: [(&str, &str); 2] = [("EST", "America/New_York"), ("MST", "America/Denver")];

/// Files that lie among the zones and are none.
const NO_PLACES: [&str; 3] = ["localtime", "posixrules", "Factory"];

/// Facts about a job that warnings need besides the job itself.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: JobName,
    pub(crate) source: Spot,
    pub(crate) destination: Spot,
    /// Each expression with its place.
    pub(crate) schedules: Vec<(Schedule, Spot)>,
    /// Where the file sets the timeout, if it does.
    pub(crate) timeout: Option<Spot>,
    /// Where the file sets `enabled`, if it does.
    pub(crate) enabled: Option<Spot>,
}

/// Builds jobs.
#[derive(Debug)]
pub(crate) struct Builder<'w> {
    whole: &'w Whole,
    surroundings: &'w Surroundings,
    schedules: HashMap<String, Result<Schedule, Vec<ScheduleError>>>,
    zones: Zones<'w>,
    /// The distinct terms: files have a few, and jobs share them.
    terms: Vec<Arc<Terms>>,
    facts: Vec<Facts>,
    /// Some job uses the machine's zone.
    by_machines_zone: bool,
}

impl<'w> Builder<'w> {
    /// A builder for the values of all files.
    pub(crate) fn new(
        whole: &'w Whole,
        sources: &'w Sources,
        surroundings: &'w Surroundings,
    ) -> Self {
        Self {
            whole,
            surroundings,
            schedules: HashMap::new(),
            zones: Zones::new(&sources.zones),
            terms: Vec::new(),
            facts: Vec::new(),
            by_machines_zone: false,
        }
    }

    /// The facts for warnings.
    pub(crate) fn finish(self, problems: &mut Vec<Problem>) -> Vec<Facts> {
        if let (true, Some(trouble)) = (self.by_machines_zone, &self.surroundings.zone_trouble) {
            let spot = Spot { file: 0, node: 0 };
            let message = format!("the machine's time zone can't be told: {trouble}");
            problems.push(
                Problem::warning(WarningKind::Other, spot, message)
                    .hint("jobs with a `timezone` of their own, or under `defaults`, go by that"),
            );
        }
        self.facts
    }

    /// A job, or `None` after reporting a problem.
    pub(crate) fn job(
        &mut self,
        name: &str,
        key: Spot,
        own: &RawJob,
        problems: &mut Vec<Problem>,
    ) -> Option<Job> {
        let filled;
        let raw = match &self.whole.defaults {
            None => own,
            Some(defaults) => {
                let mut raw = own.clone();
                raw.fill_from(&defaults.value.0);
                filled = raw;
                &filled
            }
        };
        let name = JobName::new(name);
        let timetable = self.timetable(raw.schedule.as_ref(), raw.timezone.as_ref(), problems);
        let source = self.place(raw.source.as_ref(), problems);
        let destination = self.place(raw.destination.as_ref(), problems);
        let terms = terms(raw, problems);
        let (timetable, schedules) = timetable?;
        let (source, destination) = (source?, destination?);
        let at = |found: &Option<Found<RawPlace>>| found.as_ref().map_or(key, |found| found.key);
        let (source_at, destination_at) = (at(&raw.source), at(&raw.destination));
        compare(&source, &destination, source_at, destination_at, problems);
        self.facts.push(Facts {
            name: name.clone(),
            source: source_at,
            destination: destination_at,
            schedules,
            timeout: raw.timeout.as_ref().map(|found| found.at),
            enabled: raw.enabled.as_ref().map(|found| found.at),
        });
        Some(Job {
            name,
            description: raw.description.as_ref().map(|found| found.value.0.clone()),
            timetable,
            source,
            destination,
            allow_skip: raw.allow_skip.as_ref().is_none_or(|found| found.value.0),
            keep_source_tree: raw.keep_source_tree.as_ref().is_some_and(|found| found.value.0),
            overlap: raw.overlap.as_ref().map_or(Overlap::Skip, |found| found.value.0),
            catch_up: raw.catch_up.as_ref().map_or(CatchUp::Once, |found| found.value.0),
            catch_up_window: raw
                .catch_up_window
                .as_ref()
                .map_or(SignedDuration::from_hours(24), |found| found.value.0),
            jitter: raw.jitter.as_ref().map_or(SignedDuration::ZERO, |found| found.value.0),
            max_age: raw.max_age.as_ref().and_then(|found| found.value.0),
            enabled: raw.enabled.as_ref().is_none_or(|found| found.value.0),
            terms: self.shared(terms),
        })
    }

    /// The shared copy of equal terms. Where each job has its own, looking for equal ones would
    /// cost more than it saves.
    fn shared(&mut self, terms: Terms) -> Arc<Terms> {
        const KINDS: usize = 32;
        if let Some(known) = self.terms.iter().find(|known| ***known == terms) {
            return Arc::clone(known);
        }
        let terms = Arc::new(terms);
        if self.terms.len() < KINDS {
            self.terms.push(Arc::clone(&terms));
        }
        terms
    }

    /// The schedule of a digest, in its zone or that of the defaults.
    pub(crate) fn digest_timetable(
        &mut self,
        raw: &RawDigest,
        problems: &mut Vec<Problem>,
    ) -> Option<Timetable> {
        let defaults = self.whole.defaults.as_ref();
        let zone = raw.timezone.as_ref();
        let zone = zone.or_else(|| defaults.and_then(|found| found.value.0.timezone.as_ref()));
        let (timetable, _) = self.timetable(raw.schedule.as_ref(), zone, problems)?;
        Some(timetable)
    }

    fn timetable(
        &mut self,
        schedule: Option<&Found<Schedules>>,
        timezone: Option<&Found<Name>>,
        problems: &mut Vec<Problem>,
    ) -> Option<(Timetable, Vec<(Schedule, Spot)>)> {
        let zone = self.zone(timezone, problems);
        let mut parsed = Vec::new();
        let mut good = true;
        for found in schedule.iter().flat_map(|schedules| &schedules.value.0) {
            let schedule = match self.schedules.entry(found.value.clone()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let schedule = Schedule::parse(entry.key());
                    entry.insert(schedule)
                }
            };
            match schedule {
                Ok(schedule) => parsed.push((schedule.clone(), found.at)),
                Err(errors) => {
                    good = false;
                    problems.extend(errors.iter().map(|error| {
                        Problem::error(found.at, error.message.clone())
                            .maybe_hint(error.hint.clone())
                            .inside(error.span.clone())
                    }));
                }
            }
        }
        let (zone_name, zone) = zone?;
        let schedules = parsed.iter().map(|(schedule, _)| schedule.clone()).collect();
        good.then(|| (Timetable::new(schedules, &zone_name, zone), parsed))
    }

    fn zone(
        &mut self,
        named: Option<&Found<Name>>,
        problems: &mut Vec<Problem>,
    ) -> Option<(String, TimeZone)> {
        let Some(found) = named else {
            self.by_machines_zone = true;
            return Some(self.surroundings.system_zone.clone());
        };
        let name = &found.value.0;
        match self.zones.get(name) {
            Ok(zone) => {
                if NO_PLACES.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                    let message =
                        format!("`{name}` is not a place: its meaning depends on the machine");
                    problems.push(Problem::warning(WarningKind::Other, found.at, message).hint(
                        "write an IANA name such as `Europe/Berlin`, or leave `timezone` out \
                             to go by the machine's zone",
                    ));
                }
                let summer =
                    WITHOUT_SUMMER.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name));
                if let Some((zone, place)) = summer {
                    let message = format!("`{zone}` has no summer time");
                    problems.push(
                        Problem::warning(WarningKind::Other, found.at, message)
                            .hint(format!("write a place, such as `{place}`, for the local time")),
                    );
                }
                Some(zone.clone())
            }
            Err(hint) => {
                problems.push(
                    Problem::error(found.at, format!("`{}` is not a time zone", cut(name)))
                        .hint(hint.clone()),
                );
                None
            }
        }
    }

    fn place(
        &self,
        found: Option<&Found<RawPlace>>,
        problems: &mut Vec<Problem>,
    ) -> Option<PlaceTemplate> {
        let raw = &found?.value;
        let account = raw.account.as_ref().map(|account| self.account(account, problems));
        let path = raw.path.as_ref().map(|path| {
            PathTemplate::parse(&path.value.0).map_err(|errors| {
                problems.extend(errors.into_iter().map(|error| {
                    Problem::error(path.at, error.message).maybe_hint(error.hint).inside(error.span)
                }));
            })
        });
        let is_good = matches!(path, Some(Ok(_)));
        path_hints::about(raw, is_good, problems);
        let text = |part: &Option<Found<super::values::Part>>| {
            part.as_ref().map_or_else(String::new, |part| part.value.0.clone())
        };
        Some(PlaceTemplate {
            account: account??,
            bucket: raw.bucket.as_ref()?.value.0.clone(),
            bucket_id: text(&raw.bucket_id),
            path: path?.ok()?,
            id: text(&raw.id),
        })
    }

    fn account(&self, found: &Found<Name>, problems: &mut Vec<Problem>) -> Option<AccountId> {
        let name = &found.value.0;
        if let Some(account) = self.whole.accounts.get(composed(name).as_ref()) {
            return account.id.map(AccountId);
        }
        if name.len() == 36
            && let Ok(id) = uuid::Uuid::parse_str(name)
        {
            return Some(AccountId(id));
        }
        // A file that could not be read may define it.
        if !self.whole.partial {
            // A hint takes time; a person with so many errors fixes the first ones first.
            let few = problems.len() < ERRORS_SHOWN;
            let near = few.then(|| closest_name(name, self.whole.accounts.keys())).flatten();
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if self.whole.accounts.is_empty() => {
                    "name it under `accounts:`, with the uuid that `transferd accounts` shows"
                        .to_owned()
                }
                None => {
                    let mut names: Vec<&str> =
                        self.whole.accounts.keys().map(String::as_str).collect();
                    names.sort_unstable();
                    names.truncate(10);
                    format!("known: {}", names.join(", "))
                }
            };
            let message = format!("no account is called `{}`", cut(name));
            problems.push(Problem::error(found.at, message).hint(hint));
        }
        None
    }
}

/// Compares source and destination: copying a place onto itself is an error; into itself, a
/// warning.
fn compare(
    source: &PlaceTemplate,
    destination: &PlaceTemplate,
    source_at: Spot,
    destination_at: Spot,
    problems: &mut Vec<Problem>,
) {
    if source.account != destination.account || source.bucket != destination.bucket {
        return;
    }
    // Providers addressed by ids may leave all paths empty.
    if source.id != destination.id || source.bucket_id != destination.bucket_id {
        return;
    }
    let mut outer = segments(source.path.text());
    let mut inner = segments(destination.path.text());
    loop {
        match (outer.next(), inner.next()) {
            (None, None) => {
                problems.push(
                    Problem::error(destination_at, "source and destination are the same place")
                        .see(source_at, "the source"),
                );
                return;
            }
            (None, Some(_)) => {
                let message = "the destination lies inside its own source";
                problems.push(
                    Problem::warning(WarningKind::InsideItself, destination_at, message)
                        .see(source_at, "the source")
                        .hint("each run copies what the runs before it have copied"),
                );
                return;
            }
            (Some(a), Some(b)) if a == b => {}
            (Some(_), _) => return,
        }
    }
}

fn terms(raw: &RawJob, problems: &mut Vec<Problem>) -> Terms {
    let mut terms = Terms::default();
    if let Some(found) = &raw.timeout {
        terms.timeout = found.value.0;
    }
    terms.stall_timeout = raw.stall_timeout.as_ref().and_then(|found| found.value.0);
    terms.start_within = raw.start_within.as_ref().and_then(|found| found.value.0);
    if let Some(found) = &raw.partial {
        terms.partial = found.value.0;
    }
    if let Some(found) = &raw.empty {
        terms.empty = found.value.0;
    }
    if let Some(found) = &raw.exclusive {
        terms.exclusive = found.value.0;
    }
    if let Some(found) = &raw.retry {
        terms.retry = retry(&found.value, problems);
    }
    if let (Some(stall), Some(found)) = (terms.stall_timeout, &raw.stall_timeout)
        && stall >= terms.timeout
    {
        let message = format!(
            "`stall_timeout` ({}) never comes to bear: `timeout` is {}",
            duration::format(stall),
            duration::format(terms.timeout)
        );
        problems.push(Problem::warning(WarningKind::Other, found.at, message));
    }
    if let (Some(within), Some(found), Some(jitter)) =
        (terms.start_within, &raw.start_within, &raw.jitter)
        && within <= jitter.value.0
    {
        let message = format!(
            "`start_within` ({}) counts from the scheduled time, and `jitter` ({}) may use it up",
            duration::format(within),
            duration::format(jitter.value.0)
        );
        problems.push(
            Problem::warning(WarningKind::Other, found.at, message).hint(
                "an occurrence that is delayed for longer is skipped: allow more than `jitter`",
            ),
        );
    }
    terms
}

fn retry(raw: &RawRetry, problems: &mut Vec<Problem>) -> RetryPolicy {
    let default = RetryPolicy::default();
    let policy = RetryPolicy {
        max_attempts: raw.max_attempts.as_ref().map_or(default.max_attempts, |f| f.value.0),
        initial_delay: raw.initial_delay.as_ref().map_or(default.initial_delay, |f| f.value.0),
        multiplier: raw.multiplier.as_ref().map_or(default.multiplier, |f| f.value.0),
        max_delay: raw.max_delay.as_ref().map_or(default.max_delay, |f| f.value.0),
        on_timeout: raw.on_timeout.as_ref().map_or(default.on_timeout, |f| f.value.0),
    };
    if policy.initial_delay > policy.max_delay
        && let Some(at) = raw.initial_delay.as_ref().or(raw.max_delay.as_ref())
    {
        let message = format!(
            "`initial_delay` ({}) is longer than `max_delay` ({}), which caps it",
            duration::format(policy.initial_delay),
            duration::format(policy.max_delay)
        );
        problems.push(Problem::warning(WarningKind::Other, at.at, message));
    }
    policy
}
