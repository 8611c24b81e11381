//! Logs in, and creates long-lived tokens.
//!
//! Passwords and codes travel in bodies, never in a url, and are not kept.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::client::{AgentClient, good_body, unreadable};
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::limits::LOG_OUT_MAX;
use super::token::{TokenProblem, check_token, totp_code};
use super::transport::{Call, RawAnswer};
use super::wire::{self, ApiToken, LoginReply};
use super::words::fit;
use crate::clock;
use crate::privacy::{SecretKind, remember};
use crate::settings::LoginSource;

/// The agent's demand before it gives a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A code from an authenticator app.
    Totp,
    /// A code from a text message.
    Sms,
    /// A number that click-api does not name.
    Other(u32),
}

/// The answer to a login or to a challenge's code.
pub enum LoginAnswer {
    /// Signed in.
    Token(SecretString),
    /// A code is required; send it with the session.
    Challenge {
        /// The kind of code.
        challenge: Challenge,
        /// To be sent back.
        session: SecretString,
    },
}

impl std::fmt::Debug for LoginAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(…)"),
            Self::Challenge { challenge, .. } => write!(f, "Challenge({challenge:?}, …)"),
        }
    }
}

impl AgentClient {
    /// `POST /authentication/login`. `user_type` is the API's number: 16, 32 or 64.
    pub async fn login(
        &self,
        username: &str,
        password: &SecretString,
        user_type: u32,
    ) -> Result<LoginAnswer, AskError> {
        remember(password, SecretKind::Random);
        let body = json!({
            "username": username,
            "password": password.expose_secret(),
            "type": user_type,
        });
        self.log_in_step(Endpoint::Login, body, password).await
    }

    /// `POST /authentication/mfa_respond`.
    pub async fn mfa_respond(
        &self,
        code: &SecretString,
        session: &SecretString,
    ) -> Result<LoginAnswer, AskError> {
        // Valid for half a minute, and quoted by a server that explains its refusal.
        remember(code, SecretKind::Random);
        let body = json!({
            "userCode": code.expose_secret(),
            "session": session.expose_secret(),
        });
        self.log_in_step(Endpoint::MfaRespond, body, session).await
    }

    /// `POST /authentication/logout`: ends the session of a login's token.
    pub async fn logout(&self, token: &SecretString) -> Result<(), AskError> {
        let body = json!({ "jwtToken": token.expose_secret() }).to_string().into_bytes();
        let call = Call { body: Some(body), ..Call::to(Endpoint::Logout, None) };
        let answer = self.inner.transport.send(call).await?;
        good_body(Endpoint::Logout, answer, Some(token)).map(|_| ())
    }

    /// Ends the sessions of all logins made here, as far as the time of a stop allows. One that
    /// stays open ends by itself.
    pub async fn log_out(&self) {
        let ending = self.end(self.token().take_sessions());
        if tokio::time::timeout(LOG_OUT_MAX, ending).await.is_err() {
            tracing::debug!("a session could not be ended in time");
        }
    }

    async fn end(&self, sessions: Vec<SecretString>) {
        for session in sessions {
            if let Err(error) = self.logout(&session).await {
                tracing::debug!("a session could not be ended: {error}");
            }
        }
    }

    /// `POST /apitoken/insert`: a token that lasts until `expires_at`, with the end date that the
    /// agent reports.
    pub async fn mint_api_token(
        &self,
        token: &SecretString,
        title: &str,
        expires_at: Timestamp,
    ) -> Result<(SecretString, Option<Timestamp>), AskError> {
        let body = json!({ "title": title, "expirationDate": expires_at.to_string() });
        let call = Call {
            body: Some(body.to_string().into_bytes()),
            ..Call::to(Endpoint::MintToken, Some(token))
        };
        let answer = self.inner.transport.send(call).await?;
        let body = good_body(Endpoint::MintToken, answer, Some(token))?;
        let minted = wire::minted_token(&body);
        let minted = minted.map_err(|error| unreadable(Endpoint::MintToken, &error))?;
        remember(&minted.0, SecretKind::Random);
        let checked = check_token(&minted.0, "the token that the agent minted");
        checked.map_err(|problem| AskError::Unusable(problem.to_string()))?;
        Ok(minted)
    }

    /// `GET /apitoken/get_all`.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, AskError> {
        let body = self.ask(Endpoint::ListTokens, &[]).await?;
        wire::api_tokens(&body).map_err(|error| unreadable(Endpoint::ListTokens, &error))
    }

    /// `DELETE /apitoken/delete`.
    pub async fn delete_api_token(&self, id: Uuid) -> Result<(), AskError> {
        let id = id.to_string();
        self.ask(Endpoint::DeleteToken, &[("id", &id)]).await.map(|_| ())
    }

    /// Logs in unattended, and gives the token to the keeper. The caller holds the login's turn.
    pub(super) async fn log_in_as(
        &self,
        source: &LoginSource,
    ) -> Result<SecretString, TokenProblem> {
        let keeper = self.token();
        let password = keeper.password(&source.password_file).await?;
        keeper.note_protection(&password);
        let result = self.log_in_with(source, &password.secret).await;
        match &result {
            Ok(token) => {
                keeper.logged_in(token.clone());
                self.end(keeper.take_left_over()).await;
            }
            Err(TokenProblem::Unreachable(_)) => {}
            Err(
                problem @ (TokenProblem::Refused(_)
                | TokenProblem::Source(_)
                | TokenProblem::Locked(_)),
            ) => {
                keeper.login_refused(problem.clone(), password.secret);
            }
        }
        result
    }

    async fn log_in_with(
        &self,
        source: &LoginSource,
        password: &SecretString,
    ) -> Result<SecretString, TokenProblem> {
        let answer = self.login(&source.username, password, source.user_type).await;
        let (challenge, session) = match answer.map_err(login_problem)? {
            LoginAnswer::Token(token) => return Ok(token),
            LoginAnswer::Challenge { challenge, session } => (challenge, session),
        };
        let file = match (challenge, &source.totp_secret_file) {
            (Challenge::Totp, Some(file)) => file,
            (Challenge::Totp, None) => {
                return Err(TokenProblem::Refused(
                    "the agent asks for a TOTP code; name its secret in \
                     `agent.login.totp_secret_file`, or use a token from `transferd login`"
                        .to_owned(),
                ));
            }
            (Challenge::Sms | Challenge::Other(_), _) => {
                return Err(TokenProblem::Refused(
                    "the agent asks for a code that only a person can give; use a token from \
                     `transferd login`"
                        .to_owned(),
                ));
            }
        };
        let secret = self.token().totp_secret(file).await?;
        self.token().note_protection(&secret);
        let code = totp_code(&secret.secret, clock::now())?;
        match self.mfa_respond(&code, &session).await.map_err(login_problem)? {
            LoginAnswer::Token(token) => Ok(token),
            LoginAnswer::Challenge { .. } => Err(TokenProblem::Refused(
                "the agent asks for a second code after a TOTP code".to_owned(),
            )),
        }
    }

    async fn log_in_step(
        &self,
        endpoint: Endpoint,
        body: serde_json::Value,
        secret: &SecretString,
    ) -> Result<LoginAnswer, AskError> {
        let body = Some(body.to_string().into_bytes());
        let answer = self.inner.transport.send(Call { body, ..Call::to(endpoint, None) }).await?;
        login_answer(endpoint, answer, secret)
    }
}

/// The content of an answer to a login, or to a challenge's code.
pub(super) fn login_answer(
    endpoint: Endpoint,
    answer: RawAnswer,
    secret: &SecretString,
) -> Result<LoginAnswer, AskError> {
    let body = match good_body(endpoint, answer, Some(secret)) {
        Err(AskError::BadToken(words)) => {
            // There is no token yet: the login was refused.
            let why = words.strip_prefix("the agent refuses the token").unwrap_or(&words);
            let words = why.trim_matches([':', ' ', '(', ')']).to_owned();
            return Err(AskError::Refused { code: "AUTH".to_owned(), words });
        }
        other => other?,
    };
    let reply = wire::login_reply(&body).map_err(|error| unreadable(endpoint, &error))?;
    let LoginReply { token, challenge, session } = reply;
    for secret in token.iter().chain(&session) {
        remember(secret, SecretKind::Random);
    }
    match (challenge, token, session) {
        (0, Some(token), _) => {
            let checked = check_token(&token, "the token that the agent gave");
            checked.map_err(|problem| AskError::Unusable(problem.to_string()))?;
            Ok(LoginAnswer::Token(token))
        }
        (0, None, _) => Err(unreadable(endpoint, "it holds neither a token nor a challenge")),
        (number, _, Some(session)) => {
            let challenge = match number {
                1 => Challenge::Totp,
                2 => Challenge::Sms,
                other => Challenge::Other(other),
            };
            Ok(LoginAnswer::Challenge { challenge, session })
        }
        (_, _, None) => Err(unreadable(endpoint, "it holds a challenge without a session")),
    }
}

/// The token problem behind a failed login.
fn login_problem(error: AskError) -> TokenProblem {
    match error {
        AskError::Unreachable(words) | AskError::PortHeld(words) => {
            TokenProblem::Unreachable(words)
        }
        AskError::Refused { .. } => TokenProblem::Refused(format!("login failed: {error}")),
        AskError::BadToken(words) => TokenProblem::Refused(format!("login failed: {words}")),
        // The agent or its service is in trouble: the same login may work in a moment.
        AskError::NoSuchRoute(_) | AskError::Unusable(_) => {
            TokenProblem::Unreachable(fit(&format!("login failed: {error}"), None))
        }
    }
}
