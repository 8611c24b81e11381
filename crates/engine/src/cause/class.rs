//! Classes of failure causes, recognized in the agent's wording.

use serde::{Deserialize, Serialize};

/// The classes of causes (docs/reference.md, "Causes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseClass {
    /// The cloud account denies access.
    Access,
    /// It does not exist.
    Missing,
    /// There is no room for it.
    Quota,
    /// It could not be reached, or not in time.
    Network,
    /// It arrived as something else.
    Checksum,
    /// Anything else.
    Other,
}

/// The words by which a class is recognized, in lower case; numbers count only as whole words.
/// Words for a passing problem are looked for first: to take it for a lasting one would cost a try
/// that might have succeeded.
const SIGNS: [(CauseClass, &[&str]); 5] = [
    (CauseClass::Checksum, &["checksum", "md5", "crc32", "etag", "integrity", "hash", "digest"]),
    (
        CauseClass::Quota,
        &[
            "quota",
            "no space",
            "no_space",
            "enospc",
            "disk full",
            "out of space",
            "insufficient storage",
            "insufficientstorage",
            "storage limit",
            "507",
        ],
    ),
    (
        CauseClass::Network,
        &[
            "timed out",
            "timeout",
            "time-out",
            "connection",
            "connect to",
            "network",
            "socket",
            "unreachable",
            "reset by peer",
            "broken pipe",
            "dns",
            "host",
            "throttl",
            "slow down",
            "slowdown",
            "too many requests",
            "temporar",
            "unavailable",
            "try again",
            "429",
            "500",
            "502",
            "503",
            "504",
        ],
    ),
    (
        CauseClass::Access,
        &[
            "access denied",
            "accessdenied",
            "access is denied",
            "access_denied",
            "denied",
            "forbidden",
            "permission",
            "unauthorized",
            "unauthorised",
            "not authorized",
            "not authorised",
            "signaturedoesnotmatch",
            "invalidaccesskey",
            "credentials",
            "401",
            "403",
        ],
    ),
    (
        CauseClass::Missing,
        &[
            "not found",
            "notfound",
            "not_found",
            "no such",
            "nosuch",
            "does not exist",
            "doesn't exist",
            "missing",
            "404",
            "410",
        ],
    ),
];

impl CauseClass {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::Access, Self::Missing, Self::Quota, Self::Network, Self::Checksum, Self::Other];

    /// The class that the words indicate.
    pub fn of(words: &str) -> Self {
        let words = words.to_lowercase();
        let holds = |sign: &&str| {
            if sign.bytes().all(|byte| byte.is_ascii_digit()) {
                words.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == *sign)
            } else {
                words.contains(*sign)
            }
        };
        let found = SIGNS.iter().find(|(_, signs)| signs.iter().any(&holds));
        found.map_or(Self::Other, |(class, _)| *class)
    }

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Missing => "missing",
            Self::Quota => "quota",
            Self::Network => "network",
            Self::Checksum => "checksum",
            Self::Other => "other",
        }
    }

    /// A count of objects with what happened to them, for people.
    pub fn summary(self, objects: usize) -> String {
        let word = match self {
            Self::Access => "access denied",
            Self::Missing => "missing",
            Self::Quota => "over quota",
            Self::Network if objects == 1 => "network error",
            Self::Network => "network errors",
            Self::Checksum if objects == 1 => "checksum mismatch",
            Self::Checksum => "checksum mismatches",
            Self::Other if objects == 1 => "other error",
            Self::Other => "other errors",
        };
        format!("{objects} {word}")
    }

    /// True if retries can't help: the same request would fail in the same way.
    pub fn outlasts_retries(self) -> bool {
        match self {
            Self::Access | Self::Missing => true,
            Self::Quota | Self::Network | Self::Checksum | Self::Other => false,
        }
    }
}
