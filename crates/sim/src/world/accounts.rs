//! Users and cloud accounts, and the requests that are about them.
//!
//! Passwords and tokens here guard nothing: they are a simulation's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use transferd_engine::ids::{AccountId, UserId};

use super::api::{Endpoint, Outcome, ProblemCode, Reply};
use super::state::World;

/// Someone who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimUser {
    /// `userId`.
    pub id: UserId,
    /// `username`.
    pub username: String,
    /// For `login`.
    pub password: String,
    /// 16 DesktopAdmin, 32 DesktopCreativeUser, 64 DesktopStandardUser, who may queue nothing.
    pub user_type: u32,
    /// Base32 of 20 bytes: with it, `login` requires a one-time code.
    pub totp_secret: Option<String>,
    /// With it, `login` requires this code, as if it had come in a text message.
    #[serde(default)]
    pub sms_code: Option<String>,
    /// Tokens that are good from the start and never expire.
    pub tokens: Vec<String>,
}

impl SimUser {
    /// A DesktopCreativeUser with the password `password` and one token.
    pub fn new(id: UserId, username: &str, token: &str) -> Self {
        Self {
            id,
            username: username.to_owned(),
            password: "password".to_owned(),
            user_type: 32,
            totp_secret: None,
            sms_code: None,
            tokens: vec![token.to_owned()],
        }
    }

    /// The role, as the profile names it.
    pub fn role(&self) -> &'static str {
        match self.user_type {
            16 => "DesktopAdmin",
            32 => "DesktopCreativeUser",
            _ => "DesktopStandardUser",
        }
    }

    /// True for roles that may queue transfers (`click-api` page).
    pub(crate) fn may_transfer(&self) -> bool {
        matches!(self.user_type, 16 | 32)
    }
}

/// A cloud account that the agent knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudAccount {
    /// `id`.
    pub id: AccountId,
    /// `name`.
    pub name: String,
    /// `cloudType`: 1 AWS, 2 Wasabi, …
    pub cloud_type: u32,
    /// `serviceUrl`.
    pub service_url: String,
    /// `active`.
    pub active: bool,
    /// Names of its buckets.
    pub buckets: Vec<String>,
}

impl CloudAccount {
    /// An active account with these buckets.
    pub fn new(id: AccountId, name: &str, cloud_type: u32, buckets: &[&str]) -> Self {
        Self {
            id,
            name: name.to_owned(),
            cloud_type,
            service_url: format!("https://{name}.storage.example"),
            active: true,
            buckets: buckets.iter().map(|&bucket| bucket.to_owned()).collect(),
        }
    }
}

/// The answer to `login` and `mfa_respond`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginAnswer {
    /// Empty if a challenge must be met first.
    pub jwt_token: String,
    /// 0 none, 1 TOTP, 2 SMS.
    pub challenge: u32,
    /// Set with a challenge.
    pub session: String,
}

impl World {
    /// `GET /authentication/user`.
    pub fn user(&mut self, token: &str, now: Timestamp) -> Reply<SimUser> {
        self.answer(Endpoint::User, now, |world| match world.check_token(token, now) {
            Ok(user) => Outcome::Answer(user.clone()),
            Err(outcome) => outcome.map(|never| match never {}),
        })
    }

    /// `GET /cloud/accounts`.
    pub fn accounts(&mut self, token: &str, now: Timestamp) -> Reply<Vec<CloudAccount>> {
        self.answer_signed_in(Endpoint::Accounts, token, now, |world, _| {
            Outcome::Answer(world.options.accounts.clone())
        })
    }

    /// `GET /cloud/account`.
    pub fn account(&mut self, token: &str, id: AccountId, now: Timestamp) -> Reply<CloudAccount> {
        self.answer_signed_in(Endpoint::Accounts, token, now, |world, _| {
            let found = world.options.accounts.iter().find(|account| account.id == id);
            found.cloned().map_or(Outcome::Problem(ProblemCode::NotFound), Outcome::Answer)
        })
    }

    /// `POST /cloud/list_buckets`, which names the account in its body and takes the token as all
    /// others do.
    pub fn buckets(&mut self, token: &str, id: AccountId, now: Timestamp) -> Reply<Vec<String>> {
        let reply = self.account(token, id, now);
        Reply { after: reply.after, outcome: reply.outcome.map(|account| account.buckets) }
    }

    /// `POST /authentication/login`.
    pub fn login(
        &mut self,
        username: &str,
        password: &str,
        user_type: u32,
        now: Timestamp,
    ) -> Reply<LoginAnswer> {
        self.answer(Endpoint::Login, now, |world| {
            let found = world.options.users.iter().find(|user| user.username == username);
            let Some(user) = found else {
                return Outcome::Problem(ProblemCode::InvalidEmail);
            };
            if user.password != password || user.user_type != user_type {
                return Outcome::Problem(ProblemCode::Auth);
            }
            let user = user.clone();
            let challenge = match (&user.totp_secret, &user.sms_code) {
                (None, None) => return Outcome::Answer(world.signed_in(user.id, now)),
                (Some(_), _) => 1,
                (None, Some(_)) => 2,
            };
            let session = world.chance.uuid().to_string();
            world.challenges.insert(session.clone(), user.id);
            Outcome::Answer(LoginAnswer { jwt_token: String::new(), challenge, session })
        })
    }

    /// `POST /authentication/mfa_respond`.
    pub fn mfa_respond(&mut self, code: &str, session: &str, now: Timestamp) -> Reply<LoginAnswer> {
        self.answer(Endpoint::Login, now, |world| {
            let Some(&user) = world.challenges.get(session) else {
                return Outcome::Problem(ProblemCode::Session);
            };
            let known = world.options.users.iter().find(|known| known.id == user);
            let good = known.is_some_and(|known| match (&known.totp_secret, &known.sms_code) {
                (Some(secret), _) => totp_matches(secret, code, now),
                (None, Some(sent)) => sent == code.trim(),
                (None, None) => false,
            });
            if !good {
                return Outcome::Problem(ProblemCode::Totp);
            }
            world.challenges.remove(session);
            Outcome::Answer(world.signed_in(user, now))
        })
    }

    /// `POST /authentication/logout`: ends the token.
    pub fn logout(&mut self, jwt_token: &str, now: Timestamp) -> Reply<()> {
        self.answer(Endpoint::Login, now, |world| {
            world.revoke_token(jwt_token);
            Outcome::Answer(())
        })
    }

    fn signed_in(&mut self, user: UserId, now: Timestamp) -> LoginAnswer {
        let jwt_token = self.mint_jwt(user, now);
        LoginAnswer { jwt_token, challenge: 0, session: String::new() }
    }

    /// The account that all users of this world belong to.
    pub fn account_id(&self) -> Uuid {
        Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_00ff)
    }
}

/// Checks a one-time code against a base32 secret of 20 bytes.
fn totp_matches(secret: &str, code: &str, now: Timestamp) -> bool {
    let Some(bytes) = base32(secret) else { return false };
    let Ok(totp) = totp_rs::Builder::new().with_secret(bytes).build() else { return false };
    totp.check(code.trim(), now.as_second().unsigned_abs()).is_some()
}

/// Twenty bytes from base32 (RFC 4648), ignoring padding and spaces.
fn base32(text: &str) -> Option<[u8; 20]> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for c in text.chars().filter(|c| !matches!(c, '=' | ' ')) {
        let value = match c.to_ascii_uppercase() {
            letter @ 'A'..='Z' => u32::from(letter) - u32::from('A'),
            digit @ '2'..='7' => u32::from(digit) - u32::from('2') + 26,
            _ => return None,
        };
        bits = (bits << 5 | value) & 0xFFFF;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(((bits >> held) & 0xFF) as u8);
        }
    }
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_reads_what_rfc_4648_writes() {
        assert_eq!(base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), Some(*b"12345678901234567890"));
        assert_eq!(base32("not base32!"), None);
    }
}
