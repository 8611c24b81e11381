//! The values of a job, and of the settings beside the jobs, key by key as the job file names
//! them: for `diff`, `reload`, `status JOB`.
//!
//! Keeps true: no key is forgotten, since all fields are named; and no secret is among the values.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Content;
use crate::core::duration::format;
use crate::core::job::{
    AgentSettings, Alert, AlertChannel, DigestEntry, Job, JobSet, PlaceTemplate, RetryPolicy,
    SecretText, Terms,
};
use crate::core::store::HistoryPolicy;
use crate::settings::{AgentConnection, DesktopAlert, LoginSource, Settings, TokenSource, UserRef};

/// A key and its value; null where it is off or left out.
pub type Field = (String, Value);

/// All keys of a job but its name.
pub fn job_fields(job: &Job) -> Vec<Field> {
    let Job {
        name: _,
        description,
        timetable,
        source,
        destination,
        allow_skip,
        keep_source_tree,
        overlap,
        catch_up,
        catch_up_window,
        jitter,
        max_age,
        enabled,
        terms,
    } = job;
    let expressions: Vec<&str> = timetable.expressions().collect();
    let schedule = match expressions.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        several => json!(several),
    };
    let mut fields = vec![
        field("description", json!(description)),
        field("enabled", json!(enabled)),
        field("schedule", schedule),
        field("timezone", json!(timetable.zone_name())),
    ];
    fields.extend(place("source", source));
    fields.extend(place("destination", destination));
    fields.extend([
        field("allow_skip", json!(allow_skip)),
        field("keep_source_tree", json!(keep_source_tree)),
        field("overlap", json!(overlap)),
        field("catch_up", json!(catch_up)),
        field("catch_up_window", length(*catch_up_window)),
        field("jitter", length(*jitter)),
        field("max_age", optional(*max_age)),
    ]);
    fields.extend(terms_fields(terms));
    fields
}

fn terms_fields(terms: &Terms) -> Vec<Field> {
    let Terms { timeout, stall_timeout, start_within, retry, partial, empty, exclusive } = terms;
    let RetryPolicy { max_attempts, initial_delay, multiplier, max_delay, on_timeout } = retry;
    vec![
        field("timeout", length(*timeout)),
        field("stall_timeout", optional(*stall_timeout)),
        field("start_within", optional(*start_within)),
        field("retry.max_attempts", json!(max_attempts)),
        field("retry.initial_delay", length(*initial_delay)),
        field("retry.multiplier", number(*multiplier)),
        field("retry.max_delay", length(*max_delay)),
        field("retry.on_timeout", json!(on_timeout)),
        field("partial", json!(partial)),
        field("empty", json!(empty)),
        field("exclusive", json!(exclusive)),
    ]
}

fn place(end: &str, place: &PlaceTemplate) -> [Field; 5] {
    let PlaceTemplate { account, bucket, bucket_id, path, id } = place;
    let some = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    [
        (format!("{end}.account"), json!(account)),
        (format!("{end}.bucket"), json!(bucket)),
        (format!("{end}.bucket_id"), some(bucket_id)),
        (format!("{end}.path"), json!(path.text())),
        (format!("{end}.id"), some(id)),
    ]
}

/// All settings beside the jobs.
pub fn setting_fields(content: &Content) -> Vec<Field> {
    // Names of accounts are resolved in the places that use them; the zone is the machine's.
    let JobSet { agent, jobs: _, accounts: _, alerts: _, digests: _, zone: _ } = &*content.set;
    let Settings { agent: connection, desktop: _, entries: _, history, listen, external_url } =
        &*content.settings;
    let HistoryPolicy { keep, max_runs } = history;
    let mut fields = agent_fields(agent, connection);
    fields.extend([
        field("history.keep", length(*keep)),
        field("history.max_runs", json!(max_runs)),
        field("listen", json!(listen)),
        field("external_url", json!(external_url)),
    ]);
    fields.extend(alert_fields(content));
    fields
}

/// The entries of `alerts`, in the order of the file. Addresses are secrets: that they differ is
/// seen by [`addresses`] alone.
fn alert_fields(content: &Content) -> impl Iterator<Item = Field> {
    let Content { set, settings } = content;
    let numbers = &settings.entries;
    let alerts = numbers.alerts.iter().zip(&set.alerts).map(|(number, entry)| {
        let Alert { on, jobs, channel } = entry;
        let mut fields = vec![field("on", json!(on)), field("jobs", all_or(jobs))];
        fields.extend(way("", channel));
        (*number, fields)
    });
    let desktop = numbers.desktop.iter().zip(&settings.desktop).map(|(number, entry)| {
        let DesktopAlert { on, jobs } = entry;
        let notify = field("notify", json!("desktop"));
        (*number, vec![field("on", json!(on)), field("jobs", all_or(jobs)), notify])
    });
    let digests = numbers.digests.iter().zip(&set.digests).map(|(number, entry)| {
        let DigestEntry { timetable, jobs, channel } = &**entry;
        let schedule: Vec<&str> = timetable.expressions().collect();
        let mut fields = vec![
            field("jobs", all_or(jobs)),
            field("digest.schedule", json!(schedule)),
            field("digest.timezone", json!(timetable.zone_name())),
        ];
        fields.extend(way("digest.", channel));
        (*number, fields)
    });
    let mut entries: Vec<_> = alerts.chain(desktop).chain(digests).collect();
    entries.sort_by_key(|(number, _)| *number);
    entries.into_iter().flat_map(|(number, fields)| {
        let named = move |(key, value)| (format!("alerts[{number}].{key}"), value);
        fields.into_iter().map(named)
    })
}

/// The keys of `alerts` that hold an address in the job file itself, with it.
pub(super) fn addresses(content: &Content) -> Vec<(String, &str)> {
    let Content { set, settings } = content;
    let numbers = &settings.entries;
    let alerts = set.alerts.iter().map(|entry| ("", &entry.channel)).zip(&numbers.alerts);
    let digests = set.digests.iter().map(|entry| ("digest.", &entry.channel));
    let all = alerts.chain(digests.zip(&numbers.digests));
    all.filter_map(|((below, channel), number)| match channel {
        AlertChannel::Webhook { url: SecretText::Inline(url), .. }
        | AlertChannel::Ping { url: SecretText::Inline(url) } => {
            Some((format!("alerts[{number}].{below}{}.url", channel.kind()), url.as_str()))
        }
        AlertChannel::Webhook { .. } | AlertChannel::Ping { .. } | AlertChannel::Command(_) => None,
    })
    .collect()
}

fn agent_fields(agent: &AgentSettings, connection: &AgentConnection) -> Vec<Field> {
    // `request_timeout` is in both, and `token_renewal` follows from the source of the token.
    let AgentSettings {
        poll_interval,
        request_timeout,
        max_active,
        adopt_window,
        exclusive_user,
        start,
        token_renewal: _,
    } = agent;
    let AgentConnection { url, token, request_timeout: _, allow_insecure, user } = connection;
    let users = user.iter().map(|user| match user {
        UserRef::Name(name) => json!(name),
        UserRef::Id(id) => json!(id),
    });
    let users: Vec<Value> = users.collect();
    let mut fields = vec![
        field("agent.url", json!(url)),
        field("agent.poll_interval", length(*poll_interval)),
        field("agent.request_timeout", length(*request_timeout)),
        field("agent.max_active", json!(max_active)),
        field("agent.adopt_window", length(*adopt_window)),
        field("agent.exclusive_user", json!(exclusive_user)),
        field("agent.allow_insecure", json!(allow_insecure)),
        field("agent.start", json!(start)),
        field("agent.user", if users.is_empty() { Value::Null } else { json!(users) }),
    ];
    fields.extend(token_fields(token));
    fields
}

fn token_fields(token: &TokenSource) -> Vec<Field> {
    match token {
        TokenSource::File(path) => vec![field("agent.token_file", json!(path))],
        TokenSource::Environment(name) => vec![field("agent.token_env", json!(name))],
        TokenSource::Credential => Vec::new(),
        TokenSource::Login(login) => {
            let LoginSource { username, password_file, user_type, totp_secret_file } = login;
            vec![
                field("agent.login.username", json!(username)),
                field("agent.login.password_file", json!(password_file)),
                field("agent.login.user_type", json!(user_type)),
                field("agent.login.totp_secret_file", json!(totp_secret_file)),
            ]
        }
    }
}

/// The keys of a channel.
fn way(below: &str, channel: &AlertChannel) -> Vec<Field> {
    let kind = channel.kind();
    let address = |url: &SecretText| match url {
        SecretText::File(path) => (format!("{below}{kind}.url_file"), json!(path)),
        SecretText::Inline(_) => (format!("{below}{kind}.url"), json!("***")),
    };
    match channel {
        AlertChannel::Webhook { url, headers_file } => {
            vec![address(url), (format!("{below}{kind}.headers_file"), json!(headers_file))]
        }
        AlertChannel::Command(words) => vec![(format!("{below}{kind}"), json!(words))],
        AlertChannel::Ping { url } => vec![address(url)],
    }
}

/// The jobs that an entry covers; null for all.
fn all_or(jobs: &[String]) -> Value {
    if jobs.is_empty() { Value::Null } else { json!(jobs) }
}

fn field(key: &str, value: Value) -> Field {
    (key.to_owned(), value)
}

fn length(duration: SignedDuration) -> Value {
    json!(format(duration))
}

/// A number as the job file writes it: `2`, not `2.0`.
fn number(number: f64) -> Value {
    number.to_string().parse::<i64>().map_or_else(|_| json!(number), |whole| json!(whole))
}

fn optional(duration: Option<SignedDuration>) -> Value {
    duration.map_or(Value::Null, length)
}
