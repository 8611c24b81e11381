//! All answers of the API, independent of the transport: the error model of the Click API, and the
//! ways in which no answer comes.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// An answer, or its absence.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<T> {
    /// The delay before it.
    pub after: SignedDuration,
    /// Its outcome.
    pub outcome: Outcome<T>,
}

impl<T> Reply<T> {
    /// An immediate answer.
    pub(crate) fn now(outcome: Outcome<T>) -> Self {
        Self { after: SignedDuration::ZERO, outcome }
    }
}

/// An answer, or its absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// 200.
    Answer(T),
    /// 401.
    Unauthorized,
    /// 499 with this code.
    Problem(ProblemCode),
    /// 500 without a body.
    ServerError,
    /// The connection dies without an answer.
    Dropped,
    /// No answer comes, ever; the connection stays.
    Stalled,
    /// 200 with a body that can't be read.
    Malformed,
    /// 200 with a body without end.
    Oversized,
    /// 302 to somewhere else.
    Redirected,
    /// The agent is not there: connection refused.
    NotReached,
}

impl<T> Outcome<T> {
    /// The answer, if it is one.
    pub fn answer(self) -> Option<T> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Unauthorized
            | Self::Problem(_)
            | Self::ServerError
            | Self::Dropped
            | Self::Stalled
            | Self::Malformed
            | Self::Oversized
            | Self::Redirected
            | Self::NotReached => None,
        }
    }

    /// The same outcome with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Answer(answer) => Outcome::Answer(change(answer)),
            Self::Unauthorized => Outcome::Unauthorized,
            Self::Problem(code) => Outcome::Problem(code),
            Self::ServerError => Outcome::ServerError,
            Self::Dropped => Outcome::Dropped,
            Self::Stalled => Outcome::Stalled,
            Self::Malformed => Outcome::Malformed,
            Self::Oversized => Outcome::Oversized,
            Self::Redirected => Outcome::Redirected,
            Self::NotReached => Outcome::NotReached,
        }
    }

    /// One word, for traces.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answered",
            Self::Unauthorized => "unauthorized",
            Self::Problem(code) => code.as_str(),
            Self::ServerError => "server_error",
            Self::Dropped => "dropped",
            Self::Stalled => "stalled",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::Redirected => "redirected",
            Self::NotReached => "not_reached",
        }
    }
}

/// The endpoints, for which faults are counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /transfer/transfer`.
    Post,
    /// `GET /transfer/get_all`.
    List,
    /// `POST /transfer/cancel_transfer`.
    Cancel,
    /// `GET /management/agent_status`.
    Status,
    /// `POST /management/command/0`.
    Start,
    /// `GET /management/check_update`.
    Update,
    /// `GET /authentication/user`.
    User,
    /// `POST /authentication/login`, `mfa_respond`, `logout`.
    Login,
    /// `/apitoken/…`.
    ApiToken,
    /// `/cloud/…`.
    Accounts,
    /// `GET /transferhistory/get_all`.
    History,
}

macro_rules! problem_codes {
    ($($variant:ident $code:literal $words:literal,)*) => {
        /// The codes of a 499 (`click-api` page, table of codes).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode {
            $(#[doc = concat!("`", $code, "`: ", $words)] $variant,)*
        }

        impl ProblemCode {
            /// All codes.
            pub const ALL: &'static [ProblemCode] = &[$(Self::$variant,)*];

            /// The code as it is sent.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The message of the code.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

problem_codes! {
    Auth "AUTH" "The authentication is invalid or has expired.",
    Token "TOKEN" "The token is invalid or has expired.",
    Session "SESSION" "The session is invalid or has expired.",
    SessionMaxout "SESSION_MAXOUT" "Too many sessions for this user.",
    InactiveUser "INACTIVE_USER" "The user is inactive.",
    Security "SECURITY" "The request was refused by policy.",
    Access "ACCESS" "Access denied.",
    NotFound "NOT_FOUND" "The resource was not found.",
    Duplicate "DUPLICATE" "A resource with the same name already exists.",
    InvalidEmail "INVALID_EMAIL" "The email address is invalid.",
    Totp "TOTP" "The one-time code is invalid.",
    Cognito "COGNITO" "The identity provider refused the request.",
    Pending "PENDING" "The operation cannot be completed yet.",
    Transfer "TRANSFER" "The transfer dispatcher failed.",
    TransferC2c "TRANSFER_C2C" "The cloud-to-cloud dispatcher failed.",
    Sync "SYNC" "The sync dispatcher failed.",
    Cost "COST" "The cost could not be determined.",
    DbInsert "DB_INSERT" "The record could not be inserted.",
    DbUpdate "DB_UPDATE" "The record could not be updated.",
    DbDelete "DB_DELETE" "The record could not be deleted.",
    InternalError "INTERNAL_ERROR" "An internal error occurred.",
    Default "DEFAULT" "An error occurred.",
    DownloadObject "DOWNLOAD_OBJECT" "The object could not be downloaded.",
    ChecksumMismatch "CHECKSUM_MISMATCH" "The checksum does not match.",
    FilesystemAccess "FILESYSTEM_ACCESS" "The file system could not be accessed.",
    Disposed "DISPOSED" "The session was disposed.",
}

impl ProblemCode {
    /// Codes after which the record may exist anyway (protocol, rule 2: "other 499 codes").
    pub const UNCERTAIN: [ProblemCode; 8] = [
        Self::Pending,
        Self::Transfer,
        Self::TransferC2c,
        Self::Cost,
        Self::DbInsert,
        Self::DbUpdate,
        Self::InternalError,
        Self::Default,
    ];

    /// Codes of a refusal that no repetition can change.
    pub const FINAL: [ProblemCode; 4] =
        [Self::InactiveUser, Self::Security, Self::Access, Self::NotFound];

    /// Codes that blame token or session.
    pub const BAD_TOKEN: [ProblemCode; 5] =
        [Self::Auth, Self::Token, Self::Session, Self::SessionMaxout, Self::Disposed];
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProblemCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("`{text}` is not an error code of the Click API"))
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProblemCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
