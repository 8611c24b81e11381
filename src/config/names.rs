//! Suggestions for unknown keys: our own keys, misspelt or in the wrong place, and the names that
//! other schedulers use for the same thing.

use super::foreign_keys::{FOREIGN, FOREIGN_WORDS, Foreign, INSTEAD, SYSTEMD, WITHOUT_LIKE};
use super::node::{Kind, Node};
use super::problem::cut;
use super::raw::{
    RawAgent, RawAlert, RawDigest, RawFile, RawHistory, RawJob, RawLogin, RawPing, RawPlace,
    RawRetry, RawWebhook,
};

/// A kind of map in the job file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The top level.
    File,
    /// `agent`.
    Agent,
    /// `agent.login`.
    Login,
    /// `defaults`.
    Defaults,
    /// An entry of `jobs`.
    Job,
    /// `source` or `destination`.
    Place,
    /// `retry`.
    Retry,
    /// `history`.
    History,
    /// An entry of `alerts`.
    Alert,
    /// `webhook`.
    Webhook,
    /// `ping`.
    Ping,
    /// `digest`.
    Digest,
}

impl Scope {
    /// In words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::File => "the job file",
            Self::Agent => "`agent`",
            Self::Login => "`login`",
            Self::Defaults => "`defaults`",
            Self::Job => "the job",
            Self::Place => "the place",
            Self::Retry => "`retry`",
            Self::History => "`history`",
            Self::Alert => "the alert",
            Self::Webhook => "`webhook`",
            Self::Ping => "`ping`",
            Self::Digest => "`digest`",
        }
    }

    /// Describes a value in place of such a map: a text may be the secret that belongs into it.
    pub(crate) fn describe(self) -> fn(&Node) -> String {
        match self {
            Self::Webhook | Self::Ping | Self::Login => Node::describe_unquoted,
            Self::File
            | Self::Agent
            | Self::Defaults
            | Self::Job
            | Self::Place
            | Self::Retry
            | Self::History
            | Self::Alert
            | Self::Digest => Node::describe,
        }
    }

    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::File => RawFile::KEYS,
            Self::Agent => RawAgent::KEYS,
            Self::Login => RawLogin::KEYS,
            Self::Job | Self::Defaults => RawJob::KEYS,
            Self::Place => RawPlace::KEYS,
            Self::Retry => RawRetry::KEYS,
            Self::History => RawHistory::KEYS,
            Self::Alert => RawAlert::KEYS,
            Self::Webhook => RawWebhook::KEYS,
            Self::Ping => RawPing::KEYS,
            Self::Digest => RawDigest::KEYS,
        }
    }

    /// True if a key of this kind of map may stand in one of the other kind: `defaults` take those
    /// of jobs.
    fn serves(self, other: Self) -> bool {
        self == other || (self == Self::Job && other == Self::Defaults)
    }

    /// The place of a map of this kind, in words that follow "belongs ".
    fn home(self) -> &'static str {
        match self {
            Self::File => "at the top level of the file",
            Self::Agent => "under `agent`",
            Self::Login => "under `agent.login`",
            Self::Defaults => "under `defaults`",
            Self::Job => "to a job, or under `defaults`",
            Self::Place => "under `source` or `destination`",
            Self::Retry => "under `retry`",
            Self::History => "under `history`",
            Self::Alert => "to an entry of `alerts`",
            Self::Webhook => "under `webhook`",
            Self::Ping => "under `ping`",
            Self::Digest => "under `digest`",
        }
    }
}

const SCOPES: [Scope; 11] = [
    Scope::Job,
    Scope::Retry,
    Scope::Place,
    Scope::Agent,
    Scope::File,
    Scope::Login,
    Scope::Alert,
    Scope::Webhook,
    Scope::Ping,
    Scope::History,
    Scope::Digest,
];

/// A key without the differences of spellings.
pub(super) fn bare(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// The probable meaning of an unknown key in this map, as a hint.
pub(crate) fn meant(key: &str, scope: Scope, value: &Node) -> Option<String> {
    if key.len() > 60 {
        return None;
    }
    let own = bare(key);
    let refused = scope == Scope::Defaults && matches!(own.as_str(), "source" | "destination");
    if refused {
        return Some("each job has its own; share one by an anchor: `&name`, `*name`".to_owned());
    }
    if let Some(same) = scope.keys().iter().find(|candidate| bare(candidate) == own) {
        return Some(format!("did you mean `{same}`?"));
    }
    if scope == Scope::File && own.starts_with('x') && key.starts_with(['x', 'X']) {
        return Some("keys of your own start with `x-`".to_owned());
    }
    if matches!(own.as_str(), "spec" | "jobtemplate" | "action" | "policies" | "policy") {
        return Some(
            "there is no such level here: a job's keys stand directly under its name".into(),
        );
    }
    if let Some((_, _, why)) =
        INSTEAD.iter().find(|(scopes, names, _)| scopes.contains(&scope) && names.contains(&&*own))
    {
        return Some((*why).to_owned());
    }
    if Scope::Job.serves(scope)
        && let Some((_, why)) = WITHOUT_LIKE.iter().find(|(names, _)| names.contains(&&*own))
    {
        return Some((*why).to_owned());
    }
    let foreign = foreign(key, &own, scope);
    // A meaning in this map comes first.
    if let Some(foreign) = foreign.filter(|(_, _, home, ..)| home.serves(scope)) {
        return Some(foreign_hint(foreign, key, scope));
    }
    if let Some(home) = SCOPES.iter().find(|home| home.keys().contains(&key)) {
        return Some(format!("`{key}` belongs {}", home.home()));
    }
    if let Some(foreign) = foreign {
        return Some(foreign_hint(foreign, key, scope));
    }
    if let Some(close) = closest(&own, scope.keys()) {
        return Some(format!("did you mean `{close}`?"));
    }
    if scope == Scope::File && looks_like_a_job(value) {
        return Some(format!("jobs stand under `jobs:`; is `{}` one?", cut(key)));
    }
    let known = scope.keys();
    let known: Vec<&str> = known
        .iter()
        .copied()
        .filter(|key| scope != Scope::Defaults || !matches!(*key, "source" | "destination"))
        .collect();
    Some(format!("known here: {}", known.join(", ")))
}

/// True for a key of any map of the job file.
pub(crate) fn is_key(key: &str) -> bool {
    SCOPES.iter().any(|scope| scope.keys().contains(&key))
}

/// True for an unknown key in place of all keys of a place, which do not count as missing then.
pub(crate) fn stands_for_all(key: &str, scope: Scope) -> bool {
    let own = bare(key);
    let mut answers = INSTEAD.iter().filter(|(scopes, ..)| scopes.contains(&scope));
    scope == Scope::Place && answers.any(|(_, names, _)| names.contains(&&*own))
}

/// The key of this map that an unknown one was meant to be, if that is clear: then it does not
/// count as missing.
pub(crate) fn meant_key(key: &str, scope: Scope) -> Option<&'static str> {
    let own = bare(key);
    let keys = scope.keys();
    if let Some(same) = keys.iter().find(|candidate| bare(candidate) == own) {
        return Some(same);
    }
    let theirs = FOREIGN.iter().find(|(theirs, _, home, ..)| *theirs == own && *home == scope);
    theirs.map(|(_, _, _, ours, _)| *ours).or_else(|| closest(&own, keys))
}

/// A key of this map that its value is glued to, as in `{account:production}` and `{account=x}`:
/// YAML reads the whole as a key without a value.
pub(crate) fn glued(key: &str, scope: Scope) -> Option<(&'static str, char)> {
    let at = key.find([':', '='])?;
    let sign = key[at..].chars().next()?;
    let own = bare(key[..at].trim());
    scope.keys().iter().find(|known| bare(known) == own).map(|known| (*known, sign))
}

/// How to write that there is no second attempt.
const NO_RETRY: &str = "for no second attempt write `retry: {max_attempts: 1}`";

/// True for a word by which people say that there is none, or no limit.
pub(crate) fn is_none(word: &str) -> bool {
    const NONE: [&str; 10] = [
        "none",
        "never",
        "off",
        "no",
        "false",
        "disabled",
        "infinity",
        "infinite",
        "unlimited",
        "forever",
    ];
    NONE.iter().any(|none| word.trim().eq_ignore_ascii_case(none))
}

/// True for a word by which people say that there is no limit.
fn is_endless(word: &str) -> bool {
    const ENDLESS: [&str; 4] = ["infinity", "infinite", "unlimited", "forever"];
    ENDLESS.iter().any(|endless| word.trim().eq_ignore_ascii_case(endless))
}

/// A hint for such a word in place of a duration, which may be `zero` or not.
pub(crate) fn no_duration(word: &str, zero: bool) -> Option<String> {
    let hint = match zero {
        true => "write `0s` for none",
        false => "it can't be without an end: `365d` is the longest",
    };
    is_none(word).then(|| hint.to_owned())
}

/// A hint on how to write a value that should be a map.
pub(crate) fn as_map(scope: Scope, value: &Node) -> Option<String> {
    let text = value.as_text().map(str::trim);
    Some(match (scope, &value.kind) {
        (Scope::Retry, Kind::Integer(number @ 1..)) => {
            format!("write `retry: {{max_attempts: {number}}}`; it counts the first attempt too")
        }
        (Scope::Retry, Kind::Integer(_) | Kind::Bool(false)) => NO_RETRY.to_owned(),
        (Scope::Retry, Kind::Text(text)) if is_endless(text) => {
            "write `retry: {max_attempts: 1000000}`, which is the most".to_owned()
        }
        (Scope::Retry, Kind::Text(text)) if is_none(text) => NO_RETRY.to_owned(),
        (Scope::Job, Kind::Null) => {
            "write its keys below it, further to the right: `source:`, `destination:`".to_owned()
        }
        (Scope::Place, Kind::Text(_)) => {
            let address = text.and_then(|text| text.split_once("://")).map(|(_, rest)| rest);
            let (bucket, path) = address.and_then(|a| a.split_once('/')).unwrap_or(("BUCKET", ""));
            let plain =
                |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            match plain(bucket) && plain(path) && !path.is_empty() {
                true => format!("write `{{account: NAME, bucket: {bucket}, path: {path}}}`"),
                false => "write `{account: NAME, bucket: BUCKET, path: PATH/}`".to_owned(),
            }
        }
        (Scope::Webhook | Scope::Ping, Kind::Text(_)) => {
            "write `{url: …}`, or `{url_file: FILE}` to keep the address out of the job file"
                .to_owned()
        }
        (Scope::Digest, Kind::Text(_)) => {
            "write `digest: {schedule: \"0 8 * * *\", webhook: {url_file: FILE}}`".to_owned()
        }
        (Scope::Agent, Kind::Text(_)) => "write `agent: {url: …}`".to_owned(),
        (Scope::Alert, Kind::Text(_)) => {
            "write `{on: [failed], webhook: {url_file: FILE}}`, `command` or `ping`".to_owned()
        }
        (Scope::History, Kind::Text(_) | Kind::Integer(_)) => {
            "write `history: {keep: 90d, max_runs: 100000}`".to_owned()
        }
        (_, _) => return None,
    })
}

/// The entry of the table. Where the same name has several homes, the one in this map; where
/// several programs use it, systemd's is the one that begins with a capital.
fn foreign(key: &str, own: &str, scope: Scope) -> Option<&'static Foreign> {
    let capital = key.starts_with(|c: char| c.is_ascii_uppercase());
    FOREIGN
        .iter()
        .filter(|(theirs, ..)| *theirs == own)
        .min_by_key(|(_, whose, home, ..)| (!home.serves(scope), capital != (*whose == SYSTEMD)))
}

/// Our equivalent of another scheduler's key, in words: for a person who asks by that name.
pub fn known_elsewhere(name: &str) -> Option<String> {
    let foreign = foreign(name, &bare(name), Scope::Job)?;
    Some(foreign_hint(foreign, name, Scope::Job))
}

fn foreign_hint((_, whose, home, ours, more): &Foreign, key: &str, scope: Scope) -> String {
    let here = home.serves(scope) || (scope == Scope::Digest && scope.keys().contains(ours));
    let mut hint = if here {
        format!("write `{ours}`")
    } else if *home == Scope::Retry && matches!(scope, Scope::Job | Scope::Defaults) {
        format!("write `retry: {{{ours}: …}}`")
    } else {
        format!("write `{ours}`, {}", home.home())
    };
    if !whose.is_empty() && !whose.eq_ignore_ascii_case(key) {
        hint.push_str(&format!(": it is what {whose} calls `{}`", cut(key)));
    }
    if !more.is_empty() {
        hint.push_str(&format!("; {more}"));
    }
    hint
}

fn looks_like_a_job(value: &Node) -> bool {
    matches!(&value.kind, Kind::Map(entries)
    if entries.iter().any(|(key, _)| {
        matches!(key.as_text(), Some("source" | "destination" | "schedule"))
    }))
}

/// The nearest of some words, if one is near: one letter in three may be wrong.
pub(crate) fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, &bare(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The word that was probably meant, and why.
pub(crate) fn meant_word<'a>(
    word: &str,
    words: &[&'a str],
) -> Option<(&'a str, Option<&'static str>)> {
    let own = bare(word);
    if let Some(same) = words.iter().find(|candidate| bare(candidate) == own) {
        return Some((same, None));
    }
    let foreign = FOREIGN_WORDS.iter().filter(|(theirs, ..)| *theirs == own);
    for (_, ours, why) in foreign {
        if let Some(same) = words.iter().find(|candidate| *candidate == ours) {
            return Some((same, Some(*why)));
        }
    }
    closest(&own, words).map(|near| (near, None))
}

/// An example of a missing key.
pub(crate) fn example(scope: Scope, key: &str) -> Option<String> {
    let example = match (scope, key) {
        (Scope::Job, _) => "{account: production, bucket: footage, path: dailies/}",
        (Scope::Place, "account") => "production",
        (Scope::Place, "bucket") => "footage",
        (Scope::Place, "path") => "dailies/",
        (Scope::Login, "user_type") => "desktop_creative",
        (Scope::Login, "password_file") => "password",
        (Scope::Login, "username") => "name@example.com",
        (Scope::Alert, "on") => "[failed, timed_out]",
        (Scope::Digest, "schedule") => "\"0 8 * * *\"",
        (_, _) => return None,
    };
    Some(format!("write for example `{key}: {example}`"))
}

/// The nearest of the user's own names.
pub(crate) fn closest_name<'a>(
    name: &str,
    known: impl Iterator<Item = &'a String>,
) -> Option<String> {
    // Ten thousand names of sixty letters are compared in some 50 ms, once for each error shown.
    const LONGEST: usize = 60;
    // The shortest part of a name that may stand for it, where no other begins so.
    const BEGINNING: usize = 3;
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    let mut prefixed = None;
    let mut several = false;
    let near = known
        .inspect(|candidate| {
            if name.len() >= BEGINNING && candidate.to_lowercase().starts_with(&lower) {
                several = prefixed.replace((*candidate).clone()).is_some() || several;
            }
        })
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= name.len() / 3 + 1)
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(name.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate.clone());
    near.or(prefixed.filter(|_| !several))
}
