//! What a new job set changes: for the log, for `reload` and for `diff`.

use std::fmt;

use crate::core::ids::JobName;
use crate::core::job::JobSet;

/// What differs between two job sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Jobs that are new.
    pub added: Vec<JobName>,
    /// Jobs of which anything but the name differs.
    pub changed: Vec<JobName>,
    /// Jobs that are gone.
    pub removed: Vec<JobName>,
    /// Top-level keys that differ: `agent`, `alerts`, `history`, `listen`, `external_url`.
    pub settings_changed: Vec<&'static str>,
}

/// Names in a one-line summary; beyond, only their number is told.
const NAMED: usize = 10;

/// What `new` changes about `old`.
pub fn difference(old: &JobSet, new: &JobSet) -> Difference {
    let mut difference = Difference::default();
    for (name, job) in &new.jobs {
        match old.jobs.get(name) {
            None => difference.added.push(name.clone()),
            Some(before) if before != job => difference.changed.push(name.clone()),
            Some(_) => {}
        }
    }
    difference.removed =
        old.jobs.keys().filter(|name| !new.jobs.contains_key(*name)).cloned().collect();
    for (key, differs) in [
        ("agent", old.agent != new.agent),
        ("alerts", old.alerts != new.alerts),
        ("history", old.history != new.history),
        ("listen", old.listen != new.listen),
        ("external_url", old.external_url != new.external_url),
    ] {
        if differs {
            difference.settings_changed.push(key);
        }
    }
    difference
}

impl Difference {
    /// True when nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.settings_changed.is_empty()
    }
}

impl fmt::Display for Difference {
    /// One line: "added `a`; removed `b`, `c`; changed settings: agent".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        let mut parts = Vec::new();
        for (verb, names) in
            [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)]
        {
            if names.is_empty() {
                continue;
            }
            let listed: Vec<String> =
                names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            let mut part = format!("{verb} {}", listed.join(", "));
            if names.len() > NAMED {
                part.push_str(&format!(" and {} more", names.len() - NAMED));
            }
            parts.push(part);
        }
        if !self.settings_changed.is_empty() {
            parts.push(format!("changed settings: {}", self.settings_changed.join(", ")));
        }
        f.write_str(&parts.join("; "))
    }
}
