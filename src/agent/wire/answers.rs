//! The agent's smaller answers: its state, the user, cloud accounts, tokens.

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use super::date::instant;
use super::faults::describe;
use super::object::{Element, ListSeed, read_object, without_mark};
use super::scalar::Scalar;
use crate::agent::limits::LISTED_MAX;
use crate::core::ids::{AccountId, UserId};
use crate::core::transfer::AgentState;
use crate::privacy::{SecretKind, remember};
use serde::de::DeserializeSeed;

/// `GET /authentication/user`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserProfile {
    /// The `userId` of our transfers; absent if the agent reports none.
    pub user: Option<UserId>,
    /// The name that the user signs in with.
    pub username: Option<String>,
    /// The account that the user belongs to.
    pub account_name: Option<String>,
    /// `userType`, as the agent writes it: a number or a name.
    pub user_type: Option<String>,
}

/// One of the agent's cloud accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudAccount {
    /// Its id, as in a job file.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// `cloudType`, a flag of click-api's list; 0 if unknown.
    pub cloud_type: u32,
    /// It is in use; true if the agent does not say.
    pub active: bool,
    /// It was deleted.
    pub deleted: bool,
    /// It is another user's, shared with ours.
    pub shared: bool,
}

impl CloudAccount {
    /// The provider's name (docs/click-api.md, "Cloud accounts").
    pub fn provider(&self) -> String {
        let name = match self.cloud_type {
            1 => "AWS",
            2 => "Wasabi",
            4 => "Azure",
            8 => "S3Generic",
            16 => "Google",
            32 => "Frame",
            64 => "Cloudflare",
            128 => "Dropbox",
            256 => "Box",
            512 => "OneDrive",
            1024 => "GoogleDrive",
            2048 => "LocalHttp",
            4096 => "FastrServer",
            8192 => "Atomosphere",
            0 => "unknown",
            other => return format!("type {other}"),
        };
        name.to_owned()
    }

    /// True for providers whose buckets are addressed by name; others use ids.
    pub fn has_buckets_by_name(&self) -> bool {
        // AWS, Wasabi, Azure, S3Generic, Google, Cloudflare.
        matches!(self.cloud_type, 1 | 2 | 4 | 8 | 16 | 64)
    }
}

/// A long-lived token, as the agent lists it. The token itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id, by which it is deleted.
    pub id: Uuid,
    /// The name that it was given.
    pub title: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

/// The shape of the answers to `login` and `mfa_respond`.
pub(crate) struct LoginReply {
    /// The token; absent with a challenge.
    pub(crate) token: Option<SecretString>,
    /// 0 none, 1 TOTP, 2 SMS.
    pub(crate) challenge: u32,
    /// To be sent back with the answer to the challenge.
    pub(crate) session: Option<SecretString>,
}

impl fmt::Debug for LoginReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginReply").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

/// `GET /management/agent_status`: a bare integer, or an object with one (click-api names both);
/// text and names are accepted too. A number without a name is [`AgentState::Unknown`]; absent if
/// it is not a state at all.
pub(crate) fn agent_state(body: &[u8]) -> Option<AgentState> {
    let status: Scalar<'_> = serde_json::from_slice(without_mark(body)).ok()?;
    if !matches!(status, Scalar::Object(_)) {
        return state_of(&status);
    }
    let names = ["status", "state", "agentstatus", "agentstate", "value"];
    read_object(body, &names).ok()?.iter().find_map(state_of)
}

fn state_of(status: &Scalar<'_>) -> Option<AgentState> {
    const NAMES: [(&str, i128); 5] =
        [("created", 0), ("started", 1), ("stopped", 2), ("paused", 4), ("disposed", 8)];
    let named = || {
        let word = status.word()?;
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, number)| *number)
    };
    Some(match status.whole().or_else(named)? {
        0 => AgentState::Created,
        1 => AgentState::Started,
        2 => AgentState::Stopped,
        4 => AgentState::Paused,
        8 => AgentState::Disposed,
        _ => AgentState::Unknown,
    })
}

/// `GET /management/check_update`, in the agent's words, not yet fit for display: the installed
/// version, and the one it could be updated to. The error is a message.
pub(crate) fn versions(body: &[u8]) -> Result<(String, Option<String>), String> {
    let [current, new] = read_object(body, &["currentversion", "newversion"])
        .map_err(|error| describe(body, &error))?;
    let text = |version: &Scalar<'_>| {
        version.text().map(std::borrow::Cow::into_owned).filter(|text| !text.is_empty())
    };
    let current = text(&current).ok_or("the answer holds no `currentVersion`")?;
    let new = text(&new).filter(|new| *new != current);
    Ok((current, new))
}

/// `GET /authentication/user`. The error is a message.
pub(crate) fn user(body: &[u8]) -> Result<UserProfile, String> {
    let names = ["userid", "id", "username", "accountname", "usertype", "jwttoken"];
    let [user_id, id, username, account_name, user_type, token] =
        read_object(body, &names).map_err(|error| describe(body, &error))?;
    remember_token(&token);
    Ok(UserProfile {
        user: user_id.uuid().or_else(|| id.uuid()).map(UserId),
        username: username.word().map(str::to_owned),
        account_name: account_name.word().map(str::to_owned),
        user_type: user_type.text().filter(|text| !text.is_empty()).map(|text| text.into_owned()),
    })
}

/// `GET /cloud/accounts`: a list, or a page of one. Elements without an id are left out.
pub(crate) fn accounts(body: &[u8]) -> Result<Vec<CloudAccount>, String> {
    let names = ["id", "name", "cloudtype", "active", "deleted", "shared"];
    let mut accounts = Vec::new();
    read_list(body, &names, |[id, name, cloud_type, active, deleted, shared]| {
        if let Some(id) = id.uuid()
            && accounts.len() < LISTED_MAX
        {
            accounts.push(CloudAccount {
                id: AccountId(id),
                name: name.text().unwrap_or_default().into_owned(),
                cloud_type: cloud_type.whole().and_then(|t| u32::try_from(t).ok()).unwrap_or(0),
                active: *active == Scalar::Null || active.flag().unwrap_or(true),
                deleted: deleted.flag().unwrap_or(false),
                shared: shared.flag().unwrap_or(false),
            });
        }
    })?;
    Ok(accounts)
}

/// `POST /cloud/list_buckets`: names, in any of the usual shapes. Absent if there are more than the
/// answer holds. The error is a message.
pub(crate) fn buckets(body: &[u8]) -> Result<Option<Vec<String>>, String> {
    let mut buckets = Vec::new();
    let mut count = 0;
    read_list(body, &["name"], |[name]| {
        count += 1;
        if let Some(name) = name.word()
            && buckets.len() < LISTED_MAX
        {
            buckets.push(name.to_owned());
        }
    })?;
    // A bare list has no token; nor has one that is whole.
    let more = read_object(body, &["continuationtoken"]).is_ok_and(|[token]| !token.is_none());
    Ok((!more && buckets.len() == count).then_some(buckets))
}

/// The first name in the answer to `POST /cloud/list_buckets`. The error is a message.
pub(crate) fn first_bucket(body: &[u8]) -> Result<Option<String>, String> {
    let mut first = None;
    read_list(body, &["name"], |[name]| {
        if first.is_none() {
            first = name.word().map(str::to_owned);
        }
    })?;
    Ok(first)
}

/// `GET /apitoken/get_all`: a list, or a page of one.
pub(crate) fn api_tokens(body: &[u8]) -> Result<Vec<ApiToken>, String> {
    let names = ["id", "title", "expirationdate", "createdate", "token"];
    let mut tokens = Vec::new();
    read_list(body, &names, |[id, title, expires, created, token]| {
        remember_token(token);
        if let Some(id) = id.uuid()
            && tokens.len() < LISTED_MAX
        {
            tokens.push(ApiToken {
                id,
                title: title.text().unwrap_or_default().into_owned(),
                expires_at: expires.word().and_then(instant),
                created_at: created.word().and_then(instant),
            });
        }
    })?;
    Ok(tokens)
}

/// A token in an answer, ours or another one of the user, is masked in all that the agent says.
fn remember_token(token: &Scalar<'_>) {
    if let Some(token) = token.word() {
        remember(&SecretString::from(token), SecretKind::Random);
    }
}

/// `POST /apitoken/insert`: the new token, and when it ends. The error is a message.
pub(crate) fn minted_token(body: &[u8]) -> Result<(SecretString, Option<Timestamp>), String> {
    let [token, expires] = read_object(body, &["token", "expirationdate"])
        .map_err(|_| "the answer is not an object with a `token`".to_owned())?;
    let token = token.word().ok_or("the answer holds no `token`")?;
    Ok((SecretString::from(token), expires.word().and_then(instant)))
}

/// `POST /authentication/login` and `mfa_respond`. The error is a message.
pub(crate) fn login_reply(body: &[u8]) -> Result<LoginReply, String> {
    let [token, challenge, session] = read_object(body, &["jwttoken", "challenge", "session"])
        .map_err(|_| "the answer is not an object with a `jwtToken`".to_owned())?;
    let names = [("none", 0), ("totp", 1), ("sms", 2)];
    let named = || {
        let word = challenge.word()?;
        names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, number)| *number)
    };
    let number = challenge.whole().or_else(named).unwrap_or(0);
    Ok(LoginReply {
        token: token.word().map(SecretString::from),
        challenge: u32::try_from(number).unwrap_or(u32::MAX),
        session: session.word().map(SecretString::from),
    })
}

/// Reads a list of objects, bare or as `data` of a page.
pub(super) fn read_list<const N: usize>(
    body: &[u8],
    names: &[&str; N],
    mut each: impl FnMut(&[Scalar<'_>; N]),
) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(body));
    let mut each = |element: Element<'_, N>| {
        if let Element::Object(properties) = element {
            each(&properties);
        }
    };
    ListSeed { names, each: &mut each }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| describe(body, &error))
}
