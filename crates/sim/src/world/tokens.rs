//! Tokens: fixed ones, JWTs from `login`, long-lived ones from `apitoken`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use transferd_engine::ids::UserId;

use super::api::{Endpoint, Outcome, Reply};
use super::state::World;

/// How long a JWT from `login` is good.
const JWT_LIFE: SignedDuration = SignedDuration::from_hours(12);

/// The owner of a token, and its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenFact {
    pub(crate) user: UserId,
    pub(crate) expires_at: Option<Timestamp>,
}

/// One entry of `GET /apitoken/get_all`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// `id`.
    pub id: Uuid,
    /// `title`.
    pub title: String,
    /// `token`.
    pub token: String,
    /// The owner.
    pub user: UserId,
    /// `expirationDate`.
    pub expires_at: Option<Timestamp>,
    /// `createDate`.
    pub created_at: Timestamp,
}

impl World {
    /// The owner of a token, if it is good.
    pub(crate) fn token_user(&self, token: &str, now: Timestamp) -> Option<UserId> {
        let fact = self.tokens.get(token)?;
        let agent_now = now + self.options.clock_skew;
        fact.expires_at.is_none_or(|end| agent_now < end).then_some(fact.user)
    }

    /// Makes a token good for a user, until a time or forever.
    pub fn add_token(&mut self, token: &str, user: UserId, expires_at: Option<Timestamp>) {
        self.revision += 1;
        self.tokens.insert(token.to_owned(), TokenFact { user, expires_at });
    }

    /// Makes a token bad.
    pub fn revoke_token(&mut self, token: &str) {
        self.revision += 1;
        self.tokens.remove(token);
    }

    /// A new JWT with an `exp` claim, good for twelve hours.
    pub(crate) fn mint_jwt(&mut self, user: UserId, now: Timestamp) -> String {
        let expires_at = now + self.options.clock_skew + JWT_LIFE;
        let token = self.jwt(user, Some(expires_at));
        self.add_token(&token, user, Some(expires_at));
        token
    }

    fn jwt(&mut self, user: UserId, expires_at: Option<Timestamp>) -> String {
        let claims = match expires_at {
            Some(end) => format!(r#"{{"sub":"{user}","exp":{}}}"#, end.as_second()),
            None => format!(r#"{{"sub":"{user}"}}"#),
        };
        let signature = self.chance.uuid();
        format!(
            "{}.{}.{}",
            base64url(br#"{"alg":"HS256","typ":"JWT"}"#),
            base64url(claims.as_bytes()),
            base64url(signature.as_bytes())
        )
    }

    /// `POST /apitoken/insert`.
    pub fn insert_api_token(
        &mut self,
        token: &str,
        title: &str,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Reply<ApiToken> {
        self.answer_signed_in(Endpoint::ApiToken, token, now, |world, user| {
            let minted = ApiToken {
                id: world.chance.uuid(),
                title: title.to_owned(),
                token: world.jwt(user, expires_at),
                user,
                expires_at,
                created_at: now + world.options.clock_skew,
            };
            world.add_token(&minted.token, user, expires_at);
            world.api_tokens.push(minted.clone());
            Outcome::Answer(minted)
        })
    }

    /// `GET /apitoken/get_all`.
    pub fn api_tokens(&mut self, token: &str, now: Timestamp) -> Reply<Vec<ApiToken>> {
        self.answer_signed_in(Endpoint::ApiToken, token, now, |world, user| {
            let own = world.api_tokens.iter().filter(|known| known.user == user);
            Outcome::Answer(own.cloned().collect())
        })
    }

    /// `DELETE /apitoken/delete`.
    pub fn delete_api_token(&mut self, token: &str, id: Uuid, now: Timestamp) -> Reply<()> {
        self.answer_signed_in(Endpoint::ApiToken, token, now, |world, user| {
            let own = |known: &ApiToken| known.id == id && known.user == user;
            let Some(at) = world.api_tokens.iter().position(own) else {
                return Outcome::Problem(super::api::ProblemCode::NotFound);
            };
            let gone = world.api_tokens.remove(at);
            world.revoke_token(&gone.token);
            Outcome::Answer(())
        })
    }
}

/// Base64 with the URL alphabet, without padding (RFC 4648 §5), as JWTs use it.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_usize, |all, &byte| all << 8 | usize::from(byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[group >> (18 - 6 * place) & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_writes_what_rfc_4648_says() {
        assert_eq!(base64url(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64url(b"fooba"), "Zm9vYmE");
        assert_eq!(base64url(b"\xff\xfe\xfd\xfc"), "__79_A");
    }
}
