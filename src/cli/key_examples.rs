//! Examples of the job file's keys, for `explain` and the documentation: from the example file where
//! it shows the key in a line, else from a list.

use std::sync::LazyLock;

/// The example file, which contains most keys.
pub(super) const EXAMPLE_FILE: &str = include_str!("../../jobs.example.yaml");

/// The same as values; a test checks that it is valid YAML.
static EXAMPLE: LazyLock<serde_yaml::Value> =
    LazyLock::new(|| serde_yaml::from_str(EXAMPLE_FILE).unwrap_or_default());

/// Examples of keys that the example file leaves out, or shows only as part of another. Those of
/// `defaults` are a job's.
const EXAMPLES: [(&str, &str); 40] = [
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

/// A key as in [`EXAMPLES`].
pub(super) fn example_of_ours(key: &str) -> Option<String> {
    let of_job = key.strip_prefix("defaults.").map(|key| format!("jobs.{key}"));
    let key = of_job.as_deref().unwrap_or(key);
    let (_, value) = EXAMPLES.iter().find(|(known, _)| *known == key)?;
    let name = key.rsplit('.').next().unwrap_or(key);
    Some(format!("{name}: {value}"))
}

/// A key as in the example file, else with its default.
pub(super) fn example(path: &[String], default: Option<&str>) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::super::explain::{Document, every_key};
    use super::*;

    #[test]
    fn each_example_is_a_value_of_its_key_and_no_words_about_it() {
        let all = every_key();
        for (key, _) in EXAMPLES {
            assert!(all.iter().any(|document| document.key == key), "there is no `{key}`");
        }
        for Document { key, example, .. } in &all {
            let Some(example) = example else { continue };
            let value: serde_yaml::Value = serde_yaml::from_str(example).unwrap();
            assert_eq!(value.as_mapping().map(|map| map.len()), Some(1), "`{key}`: {example}");
        }
        let bare = all.iter().filter(|document| document.example.is_none());
        let bare: Vec<_> = bare.map(|document| document.key.as_str()).collect();
        assert_eq!(bare, BARE);
    }

    #[test]
    fn an_example_of_a_whole_map_passes_the_check() {
        for Document { key, example, .. } in &every_key() {
            let (Some(example), true) = (example, key.split('.').count() <= 2) else { continue };
            let value: serde_json::Value = serde_yaml::from_str(example).unwrap();
            let whole = match key.split_once('.') {
                Some(("agent", _)) => serde_json::json!({"jobs": {}, "agent": value}),
                None => {
                    let mut whole = value;
                    whole["jobs"] = serde_json::json!({});
                    whole
                }
                Some(_) => continue,
            };
            let read = crate::config::read_bytes(
                std::path::Path::new("jobs.yaml"),
                whole.to_string().into_bytes(),
                &crate::cli::jobfile::surroundings(),
            );
            let errors = read.err().map(|rejected| rejected.errors).unwrap_or_default();
            // No file is included from here.
            assert!(errors.is_empty() || key == "include", "`{key}`: {errors:?}");
        }
    }

    /// The keys without an example: the file itself, its jobs, and ids that nobody makes up.
    const BARE: [&str; 6] = [
        "",
        "jobs",
        "jobs.destination.bucket_id",
        "jobs.destination.id",
        "jobs.source.bucket_id",
        "jobs.source.id",
    ];
}
