//! Keys of other schedulers: tables of names and words, each with ours.
//!
//! Does not know how they are compared; that is in `names`.

use super::names::Scope;

/// Foreign names of our keys: (their name without `_`, `-` and capitals, the program, the scope of
/// our key, our key, a remark).
pub(super) type Foreign = (&'static str, &'static str, Scope, &'static str, &'static str);

const KUBERNETES: &str = "Kubernetes";
const TEMPORAL: &str = "Temporal";
pub(super) const SYSTEMD: &str = "systemd";
const CRONSTABLE: &str = "cronstable";
const DAGU: &str = "dagu";
const CLICK: &str = "the Click API";

#[rustfmt::skip]
pub(super) const FOREIGN: &[Foreign] = &[
    ("concurrencypolicy", KUBERNETES, Scope::Job, "overlap", "`Forbid` is `skip`, `Replace` is `replace`"),
    ("startingdeadlineseconds", KUBERNETES, Scope::Job, "start_within", "with a unit: `200s`"),
    ("suspend", KUBERNETES, Scope::Job, "enabled", "`suspend: true` is `enabled: false`"),
    ("backofflimit", KUBERNETES, Scope::Retry, "max_attempts", "it counts the first attempt too"),
    ("activedeadlineseconds", KUBERNETES, Scope::Job, "timeout", "with a unit: `600s`"),
    ("successfuljobshistorylimit", KUBERNETES, Scope::History, "max_runs", "over all jobs"),
    ("failedjobshistorylimit", KUBERNETES, Scope::History, "max_runs", "over all jobs"),
    ("ttlsecondsafterfinished", KUBERNETES, Scope::History, "keep", "with a unit: `90d`"),
    ("overlappolicy", TEMPORAL, Scope::Job, "overlap", "`BufferOne` is `queue`, `CancelOther` is `replace`"),
    ("catchupwindow", TEMPORAL, Scope::Job, "catch_up_window", ""),
    ("cronexpression", TEMPORAL, Scope::Job, "schedule", ""),
    ("cronexpressions", TEMPORAL, Scope::Job, "schedule", ""),
    ("cronschedule", TEMPORAL, Scope::Job, "schedule", ""),
    ("timezonename", TEMPORAL, Scope::Job, "timezone", ""),
    ("workflowexecutiontimeout", TEMPORAL, Scope::Job, "timeout", ""),
    ("workflowruntimeout", TEMPORAL, Scope::Job, "timeout", ""),
    ("starttoclosetimeout", TEMPORAL, Scope::Job, "timeout", ""),
    ("scheduletostarttimeout", TEMPORAL, Scope::Job, "start_within", ""),
    ("heartbeattimeout", TEMPORAL, Scope::Job, "stall_timeout", ""),
    ("paused", TEMPORAL, Scope::Job, "enabled", "`paused: true` is `enabled: false`"),
    ("retrypolicy", TEMPORAL, Scope::Job, "retry", ""),
    ("scheduletoclosetimeout", TEMPORAL, Scope::Job, "timeout", ""),
    ("workflowtasktimeout", TEMPORAL, Scope::Job, "timeout", ""),
    ("intervals", TEMPORAL, Scope::Job, "schedule", "as in crontab: `0 */6 * * *` is every six hours"),
    ("calendars", TEMPORAL, Scope::Job, "schedule", "as in crontab: `30 2 * * *`"),
    ("notes", TEMPORAL, Scope::Job, "description", ""),
    ("note", TEMPORAL, Scope::Job, "description", ""),
    ("maximumattempts", TEMPORAL, Scope::Retry, "max_attempts", ""),
    ("initialinterval", TEMPORAL, Scope::Retry, "initial_delay", ""),
    ("backoffcoefficient", TEMPORAL, Scope::Retry, "multiplier", ""),
    ("maximuminterval", TEMPORAL, Scope::Retry, "max_delay", ""),
    ("oncalendar", SYSTEMD, Scope::Job, "schedule", "as in crontab: `30 2 * * *`"),
    ("randomizeddelaysec", SYSTEMD, Scope::Job, "jitter", "with a unit: `30s`"),
    ("persistent", SYSTEMD, Scope::Job, "catch_up", "`Persistent=true` is `catch_up: once`"),
    ("runtimemaxsec", SYSTEMD, Scope::Job, "timeout", "with a unit: `4h`"),
    ("timeoutstartsec", SYSTEMD, Scope::Job, "timeout", "with a unit: `4h`"),
    ("watchdogsec", SYSTEMD, Scope::Job, "stall_timeout", "with a unit: `1h`"),
    ("restart", SYSTEMD, Scope::Job, "retry", ""),
    ("restartsec", SYSTEMD, Scope::Retry, "initial_delay", "with a unit: `30s`"),
    ("restartmaxdelaysec", SYSTEMD, Scope::Retry, "max_delay", "with a unit: `15m`"),
    ("startlimitburst", SYSTEMD, Scope::Retry, "max_attempts", ""),
    ("timeoutsec", SYSTEMD, Scope::Job, "timeout", "with a unit: `4h`"),
    ("jobtimeoutsec", SYSTEMD, Scope::Job, "timeout", "with a unit: `4h`"),
    ("jobrunningtimeoutsec", SYSTEMD, Scope::Job, "timeout", "with a unit: `4h`"),
    ("onbootsec", SYSTEMD, Scope::Job, "schedule", "as in crontab; occurrences missed while the machine was off are caught up"),
    ("onstartupsec", SYSTEMD, Scope::Job, "schedule", "as in crontab; occurrences missed while the machine was off are caught up"),
    ("onunitactivesec", SYSTEMD, Scope::Job, "schedule", "as in crontab: `0 * * * *` is each hour"),
    ("onunitinactivesec", SYSTEMD, Scope::Job, "schedule", "as in crontab: `0 * * * *` is each hour"),
    ("fixedrandomdelay", SYSTEMD, Scope::Job, "jitter", "it is the same for the same occurrence, always"),
    ("onfailure", SYSTEMD, Scope::File, "alerts", "with `on: failed`"),
    ("onsuccess", SYSTEMD, Scope::File, "alerts", "with `on: succeeded`"),
    ("onfailure", CRONSTABLE, Scope::File, "alerts", "with `on: failed`; its `retry` is a key of the job"),
    ("onsuccess", CRONSTABLE, Scope::File, "alerts", "with `on: succeeded`"),
    ("executiontimeout", CRONSTABLE, Scope::Job, "timeout", "with a unit: `600s`"),
    ("killtimeout", CRONSTABLE, Scope::Job, "timeout", "past it, the transfer is canceled"),
    ("maximumretries", CRONSTABLE, Scope::Retry, "max_attempts", "it counts the first attempt too"),
    ("initialdelay", CRONSTABLE, Scope::Retry, "initial_delay", ""),
    ("maximumdelay", CRONSTABLE, Scope::Retry, "max_delay", ""),
    ("backoffmultiplier", CRONSTABLE, Scope::Retry, "multiplier", ""),
    ("onpermanentfailure", CRONSTABLE, Scope::File, "alerts", "with `on: failed`"),
    ("failswhen", CRONSTABLE, Scope::Job, "partial", "or `empty`"),
    ("timeoutstopsec", SYSTEMD, Scope::Job, "timeout", "past it, the transfer is canceled"),
    ("restartpolicy", KUBERNETES, Scope::Job, "retry", ""),
    ("cronstring", TEMPORAL, Scope::Job, "schedule", ""),
    ("catchuppolicy", "", Scope::Job, "catch_up", ""),
    ("dst", "", Scope::Job, "destination", ""),
    ("utc", CRONSTABLE, Scope::Job, "timezone", "`utc: true` is `timezone: UTC`"),
    ("timeoutsec", DAGU, Scope::Job, "timeout", "with a unit: `600s`"),
    ("delaysec", DAGU, Scope::Job, "jitter", "with a unit: `30s`"),
    ("maxactiveruns", DAGU, Scope::Job, "overlap", "`maxActiveRuns: 1` is `overlap: skip`"),
    ("maxactivesteps", DAGU, Scope::Agent, "max_active", ""),
    ("errormail", DAGU, Scope::File, "alerts", "with `on: failed` and a `command` that sends mail"),
    ("infomail", DAGU, Scope::File, "alerts", "with `on: succeeded` and a `command` that sends mail"),
    ("smtp", DAGU, Scope::File, "alerts", "with a `command` that sends mail"),
    ("maxintervalsec", DAGU, Scope::Retry, "max_delay", "with a unit: `15m`"),
    ("retrypolicy", DAGU, Scope::Job, "retry", ""),
    ("limit", DAGU, Scope::Retry, "max_attempts", "it counts the first attempt too"),
    ("intervalsec", DAGU, Scope::Retry, "initial_delay", "with a unit: `30s`"),
    ("histretentiondays", DAGU, Scope::History, "keep", "with a unit: `90d`"),
    ("handleron", DAGU, Scope::File, "alerts", ""),
    ("mailon", DAGU, Scope::File, "alerts", ""),
    ("tz", DAGU, Scope::Job, "timezone", ""),
    ("crontz", "cron", Scope::Job, "timezone", ""),
    ("cron", "cron", Scope::Job, "schedule", ""),
    ("mailto", "cron", Scope::File, "alerts", ""),
    ("sourcecloudaccountid", CLICK, Scope::Place, "account", ""),
    ("cloudaccountid", CLICK, Scope::Place, "account", ""),
    ("destinationcloudaccountid", CLICK, Scope::Place, "account", ""),
    ("sourcebucket", CLICK, Scope::Place, "bucket", ""),
    ("destinationbucket", CLICK, Scope::Place, "bucket", ""),
    ("sourcepath", CLICK, Scope::Place, "path", ""),
    ("destinationpath", CLICK, Scope::Place, "path", ""),
    ("retries", "", Scope::Retry, "max_attempts", "it counts the first attempt too"),
    ("maxretries", "", Scope::Retry, "max_attempts", "it counts the first attempt too"),
    ("attempts", "", Scope::Retry, "max_attempts", ""),
    ("backoff", "", Scope::Retry, "initial_delay", ""),
    ("factor", "", Scope::Retry, "multiplier", ""),
    ("concurrency", "", Scope::Job, "overlap", "or `agent.max_active` for all jobs"),
    ("every", "", Scope::Job, "schedule", "as in crontab: `*/15 * * * *` is every 15 minutes"),
    ("interval", "", Scope::Job, "schedule", "as in crontab: `*/15 * * * *` is every 15 minutes"),
    ("disabled", "", Scope::Job, "enabled", "`disabled: true` is `enabled: false`"),
    ("deadline", "", Scope::Job, "start_within", ""),
    ("dest", "", Scope::Job, "destination", ""),
    ("target", "", Scope::Job, "destination", ""),
    ("to", "", Scope::Job, "destination", ""),
    ("src", "", Scope::Job, "source", ""),
    ("from", "", Scope::Job, "source", ""),
    ("folder", "", Scope::Place, "path", ""),
    ("prefix", "", Scope::Place, "path", ""),
    ("key", "", Scope::Place, "path", ""),
    ("container", "", Scope::Place, "bucket", ""),
    ("endpoint", "", Scope::Agent, "url", ""),
    ("host", "", Scope::Agent, "url", ""),
    ("pollsec", "", Scope::Agent, "poll_interval", ""),
    ("email", "", Scope::Login, "username", ""),
    ("user", "", Scope::Login, "username", ""),
    ("events", "", Scope::Alert, "on", ""),
    ("slack", "", Scope::Alert, "webhook", ""),
    ("exec", "", Scope::Alert, "command", ""),
    ("healthchecks", "", Scope::Alert, "ping", ""),
    ("retention", "", Scope::File, "history", ""),
    ("metrics", "", Scope::File, "listen", ""),
    ("includes", "", Scope::File, "include", ""),
];

/// Keys of programs that run commands, without an equivalent in a transfer job.
#[rustfmt::skip]
pub(super) const WITHOUT_LIKE: &[(&[&str], &str)] = &[
    (
        &["command", "commands", "execstart", "exec", "run", "script", "steps", "shell", "program", "args"],
        "a job runs no program: it transfers objects from its `source` to its `destination`",
    ),
    (
        &["env", "environment", "envfile", "dotenv", "workingdir", "workingdirectory", "dir"],
        "a job runs no program, and so has no surroundings of its own",
    ),
    (
        &["accuracysec"],
        "a run starts at its scheduled time; `jitter` spreads the runs of several jobs",
    ),
    (
        &["name"],
        "a job's name is the key that it stands under",
    ),
    (
        &["depends", "after", "requires", "wants", "dependson", "needs"],
        "jobs do not wait for one another, but for a destination that they share",
    ),
];

/// Keys with an equivalent elsewhere, each with its own message.
#[rustfmt::skip]
pub(super) const INSTEAD: &[(&[Scope], &[&str], &str)] = &[
    (
        &[Scope::Alert],
        &["email", "mail", "mailto", "emails", "recipients", "smtp", "to"],
        "there is no `email`: use `command` with sendmail, for example `command: [/bin/sh, -c, \
         'printf \"Subject: %s\\n\\n%s\\n\" \"$TRANSFERD_TEXT\" \"$TRANSFERD_REASON\" | sendmail ops@example.com']`",
    ),
    (
        &[Scope::Job, Scope::Defaults],
        &["notify", "notification", "notifications", "alert", "alerts", "email", "mail", "mailto", "webhook", "slack", "ping"],
        "a job has no alerts of its own: write an entry under `alerts:`, at the top level of the file, with `jobs: [NAME]`",
    ),
];

/// Foreign words for the values of our keys.
#[rustfmt::skip]
pub(super) const FOREIGN_WORDS: &[(&str, &str, &str)] = &[
    ("forbid", "skip", "that is what Kubernetes calls `Forbid`"),
    ("bufferone", "queue", "that is what Temporal calls `BufferOne`"),
    ("bufferall", "queue", "it holds one run; Temporal's `BufferAll` has no like here"),
    ("cancelother", "replace", "that is what Temporal calls `CancelOther`"),
    ("terminateother", "replace", "that is what Temporal calls `TerminateOther`"),
    ("latest", "once", "it runs the latest missed occurrence"),
    ("success", "succeeded", "events are named as run states are"),
    ("fail", "failed", "events are named as run states are"),
    ("failure", "failed", "events are named as run states are"),
    ("failing", "failed", "events are named as run states are"),
    ("error", "failed", "events are named as run states are"),
    ("timeout", "timed_out", "events are named as run states are"),
    ("cancelled", "canceled", "it is written with one `l`"),
    ("ignore", "accept", "the attempt has succeeded then"),
    ("ok", "accept", "the attempt has succeeded then"),
    ("succeed", "accept", "the attempt has succeeded then"),
    ("false", "none", "a word belongs here"),
    ("off", "none", "a word belongs here"),
    ("16", "desktop_admin", "by its name"),
    ("32", "desktop_creative", "by its name"),
    ("64", "desktop_standard", "by its name"),
];
