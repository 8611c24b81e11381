//! Differences between two job files: for the log, for `reload` and for `diff`.

use std::fmt;

use serde_json::Value;

use super::Content;
use super::fields::{Field, addresses, job_fields, setting_fields};
use crate::core::ids::JobName;

/// The differences between two job files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Jobs that are new.
    pub added: Vec<JobName>,
    /// Jobs that differ in more than their name.
    pub changed: Vec<Changed>,
    /// Jobs that are gone.
    pub removed: Vec<JobName>,
    /// Settings beside the jobs that differ.
    pub settings: Vec<Differs>,
}

/// A job that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Its name.
    pub job: JobName,
    /// The keys that differ.
    pub fields: Vec<Differs>,
}

/// A key whose value differs; null where it is off or left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Differs {
    /// The key: `destination.path`.
    pub field: String,
    /// The old value.
    pub old: Value,
    /// The new value.
    pub new: Value,
}

/// Names in a one-line summary; the others are only counted.
const NAMED: usize = 10;

/// The changes from `old` to `new`.
pub fn difference(old: &Content, new: &Content) -> Difference {
    let mut difference = Difference::default();
    let (before, after) = (&old.set.jobs, &new.set.jobs);
    for (name, job) in after {
        match before.get(name) {
            None => difference.added.push(name.clone()),
            Some(before) if before != job => {
                let fields = differing(job_fields(before), job_fields(job));
                difference.changed.push(Changed { job: name.clone(), fields });
            }
            Some(_) => {}
        }
    }
    difference.removed = before.keys().filter(|name| !after.contains_key(*name)).cloned().collect();
    difference.settings = differing(setting_fields(old), setting_fields(new));
    let before = addresses(old);
    for (field, address) in addresses(new) {
        // Addresses are secrets: only that they differ can be shown.
        if before.iter().any(|(key, old)| *key == field && *old != address) {
            let (old, new) = ("an address".into(), "another address".into());
            difference.settings.push(Differs { field, old, new });
        }
    }
    difference
}

/// The keys whose values differ, in the order of the new ones, those that are gone last.
fn differing(old: Vec<Field>, new: Vec<Field>) -> Vec<Differs> {
    let mut before: Vec<Option<Field>> = old.into_iter().map(Some).collect();
    let mut differs = Vec::new();
    for (field, new) in new {
        let same = before.iter_mut().find(|one| one.as_ref().is_some_and(|(key, _)| *key == field));
        let old = same.and_then(Option::take).map_or(Value::Null, |(_, value)| value);
        if old != new {
            differs.push(Differs { field, old, new });
        }
    }
    let gone = before.into_iter().flatten().filter(|(_, old)| !old.is_null());
    differs.extend(gone.map(|(field, old)| Differs { field, old, new: Value::Null }));
    differs
}

impl Difference {
    /// True when nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.settings.is_empty()
    }
}

impl fmt::Display for Difference {
    /// One line for the log: "added `a`; changed `b` (schedule, timeout); changed agent.url".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        let quoted = |name: &JobName| format!("`{name}`");
        let changed = self.changed.iter().map(|changed| {
            let fields: Vec<_> = changed.fields.iter().map(|one| one.field.as_str()).collect();
            format!("`{}` ({})", changed.job, fields.join(", "))
        });
        let settings = self.settings.iter().map(|one| one.field.clone());
        let parts = [
            named("added", self.added.iter().map(quoted).collect()),
            named("changed", changed.collect()),
            named("removed", self.removed.iter().map(quoted).collect()),
            named("changed settings:", settings.collect()),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join("; "))
    }
}

/// "added `a`, `b`", with as many names as fit in a line; none if there are none.
fn named(verb: &str, names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    (!listed.is_empty()).then(|| format!("{verb} {}{rest}", listed.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::super::{Surroundings, read_bytes};
    use super::*;

    /// The changed settings between two texts of `alerts`, as key, old and new value.
    fn changed(old: &str, new: &str) -> Vec<(String, Value, Value)> {
        let content = |alerts: &str| {
            let surroundings = Surroundings {
                system_zone: ("UTC".to_owned(), TimeZone::UTC),
                zone_trouble: None,
                now: jiff::Timestamp::UNIX_EPOCH,
            };
            let text = format!("jobs: {{}}\nalerts:\n{alerts}").into_bytes();
            read_bytes(Path::new("jobs.yaml"), text, &surroundings).unwrap().content
        };
        let differs = difference(&content(old), &content(new)).settings;
        differs.into_iter().map(|one| (one.field, one.old, one.new)).collect()
    }

    #[test]
    fn entries_of_alerts_differ_by_the_keys_and_numbers_that_they_have_in_the_file() {
        let desktop = "  - {on: [late], notify: desktop}\n";
        let command = |words: &str| format!("{desktop}  - {{on: [failed], command: {words}}}\n");
        assert_eq!(
            changed(&command("[a, b]"), &command("[a, c]")),
            [("alerts[1].command".to_owned(), json!(["a", "b"]), json!(["a", "c"]))]
        );
        let keys = |old: &str, new: &str| -> Vec<String> {
            changed(old, new).into_iter().map(|(key, _, _)| key).collect()
        };
        assert_eq!(keys(desktop, &command("[a]")), ["alerts[1].on", "alerts[1].command"]);
        let hook = "  - {on: [failed], webhook: {url_file: a}}\n";
        let ping = "  - {on: [failed, late], ping: {url: 'http://h/a'}}\n";
        assert_eq!(
            keys(hook, ping),
            ["alerts[0].on", "alerts[0].ping.url", "alerts[0].webhook.url_file"]
        );
    }

    #[test]
    fn of_an_address_only_that_it_differs_is_reported() {
        for entry in [
            "{on: [failed], webhook: {url: 'http://h/@'}}",
            "{on: [failed], ping: {url: 'http://h/@'}}",
            "{digest: {schedule: '0 8 * * *', webhook: {url: 'http://h/@'}}}",
        ] {
            let entry = |secret: &str| format!("  - {}\n", entry.replace('@', secret));
            let changed = changed(&entry("s3cret"), &entry("other"));
            let [(key, old, new)] = changed.as_slice() else { panic!("{changed:?}") };
            assert!(key.starts_with("alerts[0].") && key.ends_with(".url"), "{key}");
            assert_eq!((old, new), (&json!("an address"), &json!("another address")));
        }
    }
}
