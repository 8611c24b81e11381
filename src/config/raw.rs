//! The maps of the job file, key by key, as they stand in a file. One declaration gives reading,
//! merging with defaults, and the JSON Schema; the descriptions are what editors show.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::keys::{keys, words};
use super::lists::{AccountValue, ListOf, Named, OneOrMore, Schedules};
use super::names::Scope;
use super::node::Node;
use super::numbers::{Attempts, Count, Factor, Version};
use super::off::SpanOrOff;
use super::reader::{Entry, Read, Reader};
use super::secret_file::SecretFileName;
use super::values::{
    AgentUrl, FileName, Flag, Listen, Name, Part, PublicUrl, SecretUrl, Span, SpanOrZero, Text,
    User,
};
use crate::core::job::{AlertEvent, CatchUp, Overlap, Verdict};

keys! {
    /// The job file of transferd.
    pub(crate) struct RawFile in Scope::File, called "the job file", requires [] {
        /// The version of the job file's format: 1.
        version: Version,
        /// Globs of further files, relative to this one. `accounts` and `jobs` merge by name,
        /// `alerts` add up, each other key stands in one file only.
        include: OneOrMore<FileName>,
        /// The Amove desktop agent.
        agent: RawAgent,
        /// Any optional job key; a job's own value wins, `retry` key by key.
        defaults: RawDefaults,
        /// Names for cloud account ids.
        accounts: Named<AccountValue>,
        /// The jobs, by name.
        jobs: Named<RawJob>,
        /// Who is notified of which events.
        alerts: ListOf<RawAlert>,
        /// How much of the past is kept.
        history: RawHistory,
        /// Address and port of the page, `/events`, `/metrics` and `/healthz`; off when absent.
        listen: Listen,
        /// Where people reach what `listen` serves, for links in alerts and for its `Host` check:
        /// `https://transfers.example.com`.
        external_url: PublicUrl,
    }
}

keys! {
    /// The Amove desktop agent, and how it is spoken to.
    pub(crate) struct RawAgent in Scope::Agent, called "agent settings", requires [] {
        /// Where the agent listens. Default: `http://localhost:29123`.
        url: AgentUrl,
        /// The file with the API token, relative to this file; re-read whenever it changes.
        token_file: SecretFileName,
        /// The environment variable with the API token.
        token_env: Name,
        /// User and password, for tokens that renew themselves.
        login: RawLogin,
        /// How often the agent's list is read while anything is in flight. Default: `5s`.
        poll_interval: Span,
        /// How long one request may take. Default: `30s`.
        request_timeout: Span,
        /// Transfers in flight at once, over all jobs. Default: 8.
        max_active: Count,
        /// How long to look for a transfer before an uncertain request is repeated. Default: `2m`.
        adopt_window: Span,
        /// True: nobody and nothing else queues transfers as this Amove user. Default: false.
        exclusive_user: Flag,
        /// True: the token may go over plain http to another host. Default: false.
        allow_insecure: Flag,
        /// True: an agent that nobody has signed in since its start is started with our token.
        /// Default: false.
        start: Flag,
        /// Who may hold the agent's port beside root and our own user: a name, a number (uid), or a
        /// list of them. Default: who held it when an agent was first found at work there.
        user: OneOrMore<User>,
    }
}

keys! {
    /// User and password for tokens that renew themselves.
    pub(crate) struct RawLogin in Scope::Login, called "login keys",
    requires ["username", "password_file", "user_type"] {
        /// The Amove user.
        username: Name,
        /// The file with the password, relative to this file.
        password_file: SecretFileName,
        /// What kind of user it is.
        user_type: UserType,
        /// The file with the secret of the one-time codes, relative to this file.
        totp_secret_file: SecretFileName,
    }
}

keys! {
    /// One transfer job.
    pub(crate) struct RawJob in Scope::Job, called "job keys", requires ["source", "destination"] {
        /// What the job is for, in words.
        description: Text,
        /// When it runs: crontab(5) with five fields, six with seconds first, or a macro such as
        /// `@daily`; one or a list. Leave it out for a job that only `trigger` starts.
        schedule: Schedules,
        /// The IANA zone of the schedule and of path templates. Default: the machine's.
        timezone: Name,
        /// Where the objects are.
        source: RawPlace,
        /// Where the objects go.
        destination: RawPlace,
        /// Skip objects whose newer copy stands at the destination already. Default: true.
        allow_skip: Flag,
        /// Keep the folder structure of the source. Default: false.
        keep_source_tree: Flag,
        /// How long one attempt may take; past it, it is canceled. Default: `24h`.
        timeout: Span,
        /// No progress at all for this long counts as a timeout; `off` where `defaults` set it.
        /// Default: off.
        stall_timeout: SpanOrOff,
        /// Not queued within this time: skipped; `off` where `defaults` set it. Default: off.
        start_within: SpanOrOff,
        /// When and how often a failed attempt is tried again.
        retry: RawRetry,
        /// What an occurrence does while the job's run is not over. Default: `skip`.
        overlap: OverlapWord,
        /// What becomes of occurrences missed while the daemon was down. Default: `once`.
        catch_up: CatchUpWord,
        /// Only occurrences younger than this are caught up. Default: `24h`.
        catch_up_window: SpanOrZero,
        /// A delay in [0, jitter), below the time to the next occurrence; the same for the same
        /// occurrence on one machine. Default: `0s`.
        jitter: SpanOrZero,
        /// What a completed transfer with failed objects means. Default: `fail`.
        partial: VerdictWord,
        /// What a completed transfer without any object means. Default: `accept`.
        empty: VerdictWord,
        /// No other transfer of ours writes to an overlapping destination meanwhile. Default: true.
        exclusive: Flag,
        /// Alert when the last success is older than this, unless the job is paused or disabled;
        /// `off` where `defaults` set it. Default: off.
        max_age: SpanOrOff,
        /// False keeps the job listed and triggerable, but unscheduled. Default: true.
        enabled: Flag,
    }
}

/// Values for all jobs that do not set their own: any job key but the places.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawDefaults(pub(crate) RawJob);

/// Keys of a job that can't have a default: each job has its own.
const OWN: [&str; 2] = ["source", "destination"];

impl Read for RawDefaults {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        RawJob::read_in(node, reader, Scope::Defaults, &[], &OWN).map(Self)
    }

    fn takes(entry: &Entry<'_>) -> bool {
        RawJob::takes(entry)
    }
}

impl JsonSchema for RawDefaults {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Defaults".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = RawJob::json_schema(generator);
        schema.remove("required");
        schema.insert(
            "description".to_owned(),
            "Values for all jobs that do not set their own".into(),
        );
        if let Some(properties) = schema.get_mut("properties").and_then(|p| p.as_object_mut()) {
            properties.retain(|key, _| !OWN.contains(&key.as_str()));
        }
        schema
    }
}

keys! {
    /// A place at a cloud account.
    pub(crate) struct RawPlace in Scope::Place, called "a place's keys",
    requires ["account", "bucket", "path"] {
        /// A name from `accounts`, or the account's uuid.
        account: Name,
        /// The bucket's name.
        bucket: Name,
        /// A folder (ends in `/`) or one object. May hold `{%Y-%m-%d}`, `{-1d:%Y-%m-%d}`,
        /// `{job}`, `{run}` and `{hostname}`; `{{` and `}}` are literal braces.
        path: Part,
        /// The bucket's id, for Dropbox, Box, OneDrive and Google Drive.
        bucket_id: Part,
        /// The object's id, for Dropbox, Box, OneDrive and Google Drive.
        id: Part,
    }
}

keys! {
    /// When and how often a failed attempt is tried again.
    pub(crate) struct RawRetry in Scope::Retry, called "retry keys", requires [] {
        /// How many attempts there may be, the first among them. Default: 3.
        max_attempts: Attempts,
        /// The delay before the second attempt. Default: `30s`.
        initial_delay: Span,
        /// The factor from one delay to the next. Default: 2.
        multiplier: Factor,
        /// Longest delay. Default: `15m`.
        max_delay: Span,
        /// Whether an attempt that timed out is tried again. Default: false.
        on_timeout: Flag,
    }
}

keys! {
    /// How much of the past is kept.
    pub(crate) struct RawHistory in Scope::History, called "history keys", requires [] {
        /// Runs that ended longer ago are dropped. Default: `90d`.
        keep: Span,
        /// The oldest runs beyond this number are dropped. Default: 100000.
        max_runs: Count,
    }
}

keys! {
    /// Who is notified of which events.
    pub(crate) struct RawAlert in Scope::Alert, called "an alert's keys", requires [] {
        /// Events to report. Required, except in `digest` entries.
        on: OneOrMore<EventWord>,
        /// Names or globs of the jobs that it is about; all when absent.
        jobs: OneOrMore<Name>,
        /// A POST of a JSON document.
        webhook: RawWebhook,
        /// A program and its arguments, with the document on standard input.
        command: ListOf<Text>,
        /// A healthchecks.io address: `/start`, success, `/fail`.
        ping: RawPing,
        /// Who shows it instead of the daemon: `desktop`, on the desktop of whoever runs
        /// `transferd desktop`.
        notify: NotifyWord,
        /// A summary of what happened since the last one, at times of its own.
        digest: RawDigest,
    }
}

keys! {
    /// A summary of what happened since the last one, at times of its own.
    pub(crate) struct RawDigest in Scope::Digest, called "a digest's keys",
    requires ["schedule"] {
        /// When it is sent, written as a job's `schedule` is.
        schedule: Schedules,
        /// The IANA zone of the schedule; where it is left out that of `defaults`, or the machine's.
        timezone: Name,
        /// A POST of a JSON document.
        webhook: RawWebhook,
        /// A program and its arguments, with the document on standard input.
        command: ListOf<Text>,
    }
}

keys! {
    /// A POST of a JSON document.
    pub(crate) struct RawWebhook in Scope::Webhook, called "a webhook's keys", requires [] {
        /// Where to.
        url: SecretUrl,
        /// The file with the address, relative to this file.
        url_file: SecretFileName,
        /// The file with further headers, one `Name: value` on each line.
        headers_file: SecretFileName,
    }
}

keys! {
    /// A healthchecks.io address.
    pub(crate) struct RawPing in Scope::Ping, called "a ping's keys", requires [] {
        /// Where to.
        url: SecretUrl,
        /// The file with the address, relative to this file.
        url_file: SecretFileName,
    }
}

/// Who shows what an entry of `alerts` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notifier {
    /// `transferd desktop`.
    Desktop,
}

words! {
    /// `notify`.
    pub(crate) struct NotifyWord of Notifier, called "way to notify", {
        /// A notification on the desktop of whoever runs `transferd desktop`.
        "desktop" => Notifier::Desktop,
    }
}

words! {
    /// `overlap`.
    pub(crate) struct OverlapWord of Overlap, called "overlap policy", {
        /// The occurrence is skipped.
        "skip" => Overlap::Skip,
        /// One run is held behind the active one.
        "queue" => Overlap::Queue,
        /// The active run is canceled, then the new one starts.
        "replace" => Overlap::Replace,
    }
}

words! {
    /// `catch_up`.
    pub(crate) struct CatchUpWord of CatchUp, called "catch-up policy", {
        /// The latest missed occurrence runs.
        "once" => CatchUp::Once,
        /// Each missed occurrence runs, in order.
        "all" => CatchUp::All,
        /// Missed occurrences are dropped.
        "none" => CatchUp::None,
    }
}

words! {
    /// `partial` and `empty`.
    pub(crate) struct VerdictWord of Verdict, called "verdict", {
        /// The attempt has failed, and is retried.
        "fail" => Verdict::Fail,
        /// The attempt has succeeded.
        "accept" => Verdict::Accept,
    }
}

words! {
    /// `user_type`, as the API's number.
    pub(crate) struct UserType of u32, called "user type", {
        /// An administrator (`DesktopAdmin`).
        "desktop_admin" => 16,
        /// A creative user (`DesktopCreativeUser`).
        "desktop_creative" => 32,
        /// A standard user (`DesktopStandardUser`): the agent refuses its transfers.
        "desktop_standard" => 64,
    }
}

words! {
    /// What an alert can be raised for.
    pub(crate) struct EventWord of AlertEvent, called "event", {
        /// A run succeeded.
        "succeeded" => AlertEvent::Succeeded,
        /// A run failed.
        "failed" => AlertEvent::Failed,
        /// A run timed out.
        "timed_out" => AlertEvent::TimedOut,
        /// A run was canceled.
        "canceled" => AlertEvent::Canceled,
        /// An occurrence was skipped.
        "skipped" => AlertEvent::Skipped,
        /// A job has not succeeded for its `max_age`.
        "late" => AlertEvent::Late,
        /// The first success after a failure.
        "recovered" => AlertEvent::Recovered,
        /// A run has waited for the agent for 10 minutes.
        "agent_down" => AlertEvent::AgentDown,
        /// The token expires soon.
        "token_expiring" => AlertEvent::TokenExpiring,
        /// The job file is invalid.
        "config_invalid" => AlertEvent::ConfigInvalid,
        /// A cancel is unconfirmed for 15 minutes, or a transfer can't be told from somebody else's.
        "stuck" => AlertEvent::Stuck,
        /// Two transfers of a run were completed.
        "doubled" => AlertEvent::Doubled,
    }
}
