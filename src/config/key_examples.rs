//! Examples of the job file's keys, for `explain`, the documentation, and hints on values of the
//! wrong kind: from the example file where it shows the key in a line, else from a list.

use std::sync::LazyLock;

use super::node::{Kind, Node, Step};

/// The example file, which contains most keys.
pub(crate) const EXAMPLE_FILE: &str = include_str!("../../jobs.example.yaml");

/// The same as values; a test checks that it is valid YAML.
static EXAMPLE: LazyLock<serde_yaml::Value> =
    LazyLock::new(|| serde_yaml::from_str(EXAMPLE_FILE).unwrap_or_default());

/// Examples of keys that the example file leaves out, or shows only as part of another. Those of
/// `defaults` are a job's.
pub(crate) const EXAMPLES: [(&str, &str); 40] = [
    ("accounts", "{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}"),
    ("agent", "{token_file: token}"),
    (
        "agent.login",
        "{username: name@example.com, password_file: password, user_type: desktop_creative}",
    ),
    ("agent.login.password_file", "password"),
    ("agent.login.totp_secret_file", "totp"),
    ("agent.login.user_type", "desktop_creative"),
    ("agent.login.username", "name@example.com"),
    ("agent.token_env", "AMOVE_TOKEN"),
    ("agent.user", "alice"),
    ("alerts", "[{on: [failed, timed_out], webhook: {url_file: hooks/ops}}]"),
    ("alerts.command", "[/usr/local/bin/notify, ops]"),
    ("alerts.digest", "{schedule: \"0 8 * * *\", webhook: {url_file: hooks/ops}}"),
    ("alerts.digest.command", "[/usr/local/bin/notify, ops]"),
    ("alerts.digest.schedule", "\"0 8 * * *\""),
    ("alerts.digest.timezone", "Europe/Berlin"),
    ("alerts.digest.webhook", "{url_file: hooks/ops}"),
    ("alerts.digest.webhook.headers_file", "hooks/ops-headers"),
    ("alerts.digest.webhook.url", "https://hooks.example.com/ops"),
    ("alerts.digest.webhook.url_file", "hooks/ops"),
    ("alerts.jobs", "[nightly-footage, \"dailies-*\"]"),
    ("alerts.notify", "desktop"),
    ("alerts.on", "[failed, timed_out, late, recovered]"),
    ("alerts.ping", "{url_file: hooks/check}"),
    ("alerts.ping.url", "https://hc-ping.com/0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22"),
    ("alerts.ping.url_file", "hooks/check"),
    ("alerts.webhook", "{url_file: hooks/ops}"),
    ("alerts.webhook.headers_file", "hooks/ops-headers"),
    ("alerts.webhook.url", "https://hooks.example.com/ops"),
    ("alerts.webhook.url_file", "hooks/ops"),
    ("defaults", "{timezone: Europe/Berlin, timeout: 4h}"),
    ("external_url", "https://transfers.example.com"),
    ("include", "[\"jobs.d/*.yaml\"]"),
    ("jobs.destination.account", "archive"),
    ("jobs.destination.bucket", "cold"),
    ("jobs.destination.path", "\"dailies/{-1d:%Y-%m-%d}/\""),
    ("jobs.source.account", "production"),
    ("jobs.source.bucket", "footage"),
    ("jobs.source.path", "dailies/"),
    ("jobs.stall_timeout", "1h"),
    ("jobs.start_within", "2h"),
];

/// Keys of texts with a syntax of their own: a number in quotes is no such text. For names and
/// paths it is.
const OF_SYNTAX: [&str; 5] = ["accounts", "external_url", "listen", "schedule", "url"];

/// An example of the key above a value, for a hint; `but_names`: none for a name, a path or a text.
pub(super) fn for_hint(root: &Node, value: u32, but_names: bool) -> Option<String> {
    let mut path: Vec<String> = Vec::new();
    let mut here = root;
    for (step, next) in root.way_to(value) {
        if let (Step::Key(i) | Step::Value(i), Kind::Map(entries)) = (step, &here.kind) {
            path.push(entries.get(i)?.0.as_text()?.to_owned());
        }
        here = next;
    }
    path.retain(|name| name != "<<");
    let by_name = path.first().is_some_and(|first| matches!(&**first, "jobs" | "accounts"));
    if by_name && path.len() > 1 {
        path.remove(1);
    }
    let of_syntax = path.last().is_some_and(|name| OF_SYNTAX.contains(&&**name));
    // A job, and all of them, are shown by no line; `jobs` of an alert is another key.
    if (but_names && !of_syntax) || path == ["jobs"] {
        return None;
    }
    example_of_ours(&path.join(".")).or_else(|| example(&path, None))
}

/// A key as in [`EXAMPLES`].
pub(crate) fn example_of_ours(key: &str) -> Option<String> {
    let of_job = key.strip_prefix("defaults.").map(|key| format!("jobs.{key}"));
    let key = of_job.as_deref().unwrap_or(key);
    let (_, value) = EXAMPLES.iter().find(|(known, _)| *known == key)?;
    let name = key.rsplit('.').next().unwrap_or(key);
    Some(format!("{name}: {value}"))
}

/// A key as in the example file, else with its default.
pub(crate) fn example(path: &[String], default: Option<&str>) -> Option<String> {
    let name = path.last()?;
    let begin = format!("{name}:");
    let told = EXAMPLE_FILE.lines().map(str::trim).find_map(|line| {
        let value = line.strip_prefix(&begin)?.trim();
        let plain = !value.is_empty() && !value.starts_with(['&', '*', '#', '|', '>']);
        plain.then(|| format!("{name}: {}", value.split(" #").next().unwrap_or(value).trim()))
    });
    // A key of this name may be elsewhere only, with another meaning.
    let told = told.filter(|_| stands_in(&EXAMPLE, path));
    // A default in words is not a value.
    let known = default.filter(|default| *default != "off" && !default.contains(' '));
    told.or_else(|| known.map(|default| format!("{name}: {default}")))
}

/// Whether the example file has a key at this place: of a list, or of a map by names, in any entry.
fn stands_in(value: &serde_yaml::Value, path: &[String]) -> bool {
    use serde_yaml::Value as Yaml;
    let Some((name, rest)) = path.split_first() else { return true };
    let entries: Vec<&Yaml> = match value {
        Yaml::Mapping(map) => std::iter::once(value).chain(map.values()).collect(),
        Yaml::Sequence(list) => list.iter().collect(),
        Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::String(_) | Yaml::Tagged(_) => {
            Vec::new()
        }
    };
    let mut below = entries.into_iter().filter_map(|entry| entry.get(name));
    below.any(|below| stands_in(below, rest))
}
