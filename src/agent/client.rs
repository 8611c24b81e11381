//! The client itself: its parts, and the simple requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::endpoint::{Endpoint, RequestCounters};
use super::failure::{AskError, UnusableSettings};
use super::limits::{ACCOUNT_NAME_MAX, VERSION_MAX};
use super::look::KnownUser;
use super::neighbor::Owners;
use super::problem::Problem;
use super::token::{Next, TokenKeeper};
use super::transport::{Call, RawAnswer, Transport};
use super::wire::{self, CloudAccount, UserProfile};
use super::words::fit;
use crate::core::ids::{AccessId, AccountId, TransferId};
use crate::core::plain::one_line;
use crate::core::transfer::{AgentState, CancelAnswer, StartAnswer};
use crate::privacy::mask;
use crate::settings::AgentConnection;

/// A client of one agent under one token source. Cheap to clone: submits run concurrently.
#[derive(Clone)]
pub struct AgentClient {
    pub(super) inner: Arc<Inner>,
}

/// The version of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentVersion {
    /// The installed version.
    pub current: String,
    /// The version it could be updated to, if there is another.
    pub newer: Option<String>,
}

pub(super) struct Inner {
    pub(super) transport: Transport,
    pub(super) keeper: TokenKeeper,
    pub(super) counters: Arc<RequestCounters>,
    /// The owner of the token, asked until the agent has told it.
    pub(super) user: Mutex<Option<KnownUser>>,
    /// The token last used for a look or a submit, and its number.
    access: Mutex<Option<(SecretString, AccessId)>>,
    pub(super) page_size: usize,
}

impl std::fmt::Debug for AgentClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentClient").field("token", &self.inner.keeper).finish_non_exhaustive()
    }
}

impl AgentClient {
    /// A client under the job file's settings.
    pub fn new(settings: &AgentConnection, token: TokenKeeper) -> Result<Self, UnusableSettings> {
        Self::with(settings, token, Owners::forgetful(&settings.user, None), Arc::default())
    }

    /// A client that knows which users may hold the agent's port, and counts its requests in a
    /// table that outlives it.
    pub fn with(
        settings: &AgentConnection,
        token: TokenKeeper,
        owners: Owners,
        counters: Arc<RequestCounters>,
    ) -> Result<Self, UnusableSettings> {
        let transport = Transport::new(settings, owners, Arc::clone(&counters))?;
        let inner = Inner {
            transport,
            keeper: token,
            counters,
            user: Mutex::default(),
            access: Mutex::default(),
            page_size: super::limits::PAGE_SIZE,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The token's keeper.
    pub fn token(&self) -> &TokenKeeper {
        &self.inner.keeper
    }

    /// The users who may hold the agent's port, and what was learned about them.
    pub fn owners(&self) -> &Owners {
        self.inner.transport.ways().owners()
    }

    /// The address of the agent, for people.
    pub fn address(&self) -> &str {
        self.inner.transport.address()
    }

    /// The requests so far, for the metrics.
    pub fn requests(&self) -> &Arc<RequestCounters> {
        &self.inner.counters
    }

    /// The address of the agent's notifications; see [`super::notifications::listen`].
    pub fn notification_url(&self) -> String {
        self.inner.transport.notification_url()
    }

    /// `GET /management/agent_status`. [`AgentState::Unknown`] if the agent answers without its
    /// state; an error if it can't be reached, or if the answer is not an agent's. Of the two
    /// addresses of `localhost`, the other one is tried before an error is returned: another
    /// program may hold one.
    pub async fn agent_status(&self) -> Result<AgentState, AskError> {
        let ways = self.inner.transport.ways();
        let not_the_agent = || {
            let at = self.address();
            let words = "answers with a web page: is that the agent? `agent.url` says where it is";
            AskError::Unusable(format!("`{at}` {words}"))
        };
        match self.agent_status_there().await? {
            Some(state) => return Ok(state),
            None if ways.turn() => {}
            None => return Err(not_the_agent()),
        }
        match self.agent_status_there().await {
            Ok(Some(state)) => Ok(state),
            Ok(None) | Err(_) => {
                ways.turn();
                Err(not_the_agent())
            }
        }
    }

    /// Absent if the answer is not an agent's.
    async fn agent_status_there(&self) -> Result<Option<AgentState>, AskError> {
        let call = Call::to(Endpoint::AgentStatus, None);
        let (answer, holder) = self.inner.transport.send_and_tell_holder(call).await?;
        if is_web_page(&answer) {
            return Ok(None);
        }
        let state = state_of(&answer);
        if let (AgentState::Started, Some(uid)) = (state, holder) {
            self.owners().found_at_work(uid);
        }
        Ok(Some(state))
    }

    /// `GET /management/check_update`. It makes the agent ask the vendor's update feed.
    pub async fn version(&self) -> Result<AgentVersion, AskError> {
        let call = Call::to(Endpoint::CheckUpdate, None);
        let answer = self.inner.transport.send(call).await?;
        let body = good_body(Endpoint::CheckUpdate, answer, None)?;
        let (current, new) =
            wire::versions(&body).map_err(|error| unreadable(Endpoint::CheckUpdate, &error))?;
        let shown = |version: String| one_line(&mask(&version), VERSION_MAX);
        Ok(AgentVersion { current: shown(current), newer: new.map(shown) })
    }

    /// `GET /authentication/user`.
    pub async fn user(&self) -> Result<UserProfile, AskError> {
        let answer = self.ask(Endpoint::User, &[]).await?;
        wire::user(&answer).map_err(|error| unreadable(Endpoint::User, &error))
    }

    /// `GET /cloud/accounts`.
    pub async fn accounts(&self) -> Result<Vec<CloudAccount>, AskError> {
        let answer = self.ask(Endpoint::Accounts, &[]).await?;
        let accounts = wire::accounts(&answer);
        let mut accounts = accounts.map_err(|error| unreadable(Endpoint::Accounts, &error))?;
        for account in &mut accounts {
            // A key of a job file is made from it, where a secret could no longer be recognized.
            account.name = mask(&account.name).into_owned();
            if account.name.len() > ACCOUNT_NAME_MAX {
                account.name = one_line(&account.name, ACCOUNT_NAME_MAX);
            }
        }
        Ok(accounts)
    }

    /// The names of an account's buckets, by `POST /cloud/list_buckets`; absent if the agent lists
    /// only some of them.
    pub async fn buckets(&self, account: AccountId) -> Result<Option<Vec<String>>, AskError> {
        let body = self.list_buckets(account, None).await?;
        wire::buckets(&body).map_err(|error| unreadable(Endpoint::Buckets, &error))
    }

    /// The answer to `POST /cloud/list_buckets`, made under an `X-App-Origin`.
    pub(super) async fn list_buckets(
        &self,
        account: AccountId,
        origin: Option<&str>,
    ) -> Result<Vec<u8>, AskError> {
        let id = account.to_string();
        // It wants the account as it returns it; the content is the agent's, and goes back.
        let whole = self.ask(Endpoint::Account, &[("id", &id)]).await?;
        let mut again = self.inner.keeper.can_log_in();
        loop {
            let (answer, token) = self.post_buckets(whole.clone(), origin).await?;
            match self.judge(Endpoint::Buckets, answer, &token) {
                Err(AskError::BadToken(_)) if again => again = false,
                result => return result.map(|(body, _)| body),
            }
        }
    }

    /// `POST /cloud/list_buckets` with any body: the raw answer, and the token that was used.
    pub(super) async fn post_buckets(
        &self,
        body: Vec<u8>,
        origin: Option<&str>,
    ) -> Result<(RawAnswer, SecretString), AskError> {
        let token = self.usable_token().await?;
        let query = [("includeRegion", "false")];
        let to = Call::to(Endpoint::Buckets, Some(&token));
        let call = Call { query: &query, body: Some(body), origin, ..to };
        let answer = self.inner.transport.send(call).await?;
        Ok((answer, token))
    }

    /// `GET /management/agent_status`, optionally under another spelling of its path: the raw
    /// answer, for `doctor`.
    pub(super) async fn raw_state(&self, spelled: Option<&'static str>) -> Option<RawAnswer> {
        let call = Call { spelled, ..Call::to(Endpoint::AgentStatus, None) };
        self.inner.transport.send(call).await.ok()
    }

    /// `POST /transfer/cancel_transfer`.
    pub async fn cancel(&self, transfer: TransferId) -> CancelAnswer {
        let body = serde_json::json!({ "id": transfer.0 }).to_string().into_bytes();
        match self.ask_with(Endpoint::Cancel, &[], Some(body)).await {
            Ok(_) => CancelAnswer::Taken,
            Err(error) => CancelAnswer::NotTaken(error.to_string()),
        }
    }

    /// `POST /management/command/0`: the agent loads the user of our token.
    pub async fn start(&self) -> StartAnswer {
        if let Err(error) = self.usable_token().await {
            return StartAnswer::NotTaken(error.to_string());
        }
        match self.ask(Endpoint::Start, &[]).await {
            Ok(_) => StartAnswer::Taken,
            Err(AskError::BadToken(words)) => StartAnswer::TokenRefused(words),
            Err(error) => StartAnswer::NotTaken(error.to_string()),
        }
    }

    /// The raw answer with one page of `get_all`; for `doctor`.
    pub async fn raw_page(&self, page: u64, size: usize) -> Result<RawAnswer, AskError> {
        let token = self.usable_token().await?;
        self.page(&token, page, size).await
    }

    /// Makes a request to the agent with the token, and returns the body of a 200.
    pub(super) async fn ask(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
    ) -> Result<Vec<u8>, AskError> {
        self.ask_with(endpoint, query, None).await
    }

    /// As [`Self::ask`], with a body. Not for submits: after a refused token it may log in and ask
    /// again.
    pub(super) async fn ask_with(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, AskError> {
        let mut again = self.inner.keeper.can_log_in();
        loop {
            let token = self.usable_token().await?;
            let body = body.clone();
            let call = Call { query, body, ..Call::to(endpoint, Some(&token)) };
            let answer = self.inner.transport.send(call).await?;
            match self.judge(endpoint, answer, &token) {
                Err(AskError::BadToken(_)) if again => again = false,
                result => return result.map(|(body, _)| body),
            }
        }
    }

    /// The body of a 200 and the time of its request; anything else is an error. A refused token is
    /// reported to its keeper.
    pub(super) fn judge(
        &self,
        endpoint: Endpoint,
        answer: RawAnswer,
        token: &SecretString,
    ) -> Result<(Vec<u8>, Timestamp), AskError> {
        let asked_at = answer.asked_at;
        let error = match good_body(endpoint, answer, Some(token)) {
            Ok(body) => return Ok((body, asked_at)),
            Err(error) => error,
        };
        if matches!(error, AskError::BadToken(_)) {
            self.inner.keeper.refused(token);
        }
        Err(error)
    }

    /// This client and its token of now.
    pub async fn access(&self) -> Result<AccessId, AskError> {
        let token = self.usable_token().await?;
        Ok(self.access_by(&token))
    }

    /// The number of this client under a token: never one that another client has, or had.
    pub(super) fn access_by(&self, token: &SecretString) -> AccessId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut known = self.inner.access.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((last, access)) if last.expose_secret() == token.expose_secret() => *access,
            Some(_) | None => {
                let access = AccessId(NEXT.fetch_add(1, Ordering::Relaxed));
                *known = Some((token.clone(), access));
                access
            }
        }
    }

    /// A token, after a login if one is needed.
    pub(super) async fn usable_token(&self) -> Result<SecretString, AskError> {
        let keeper = &self.inner.keeper;
        if let Next::Use(token) = keeper.next_beside().await? {
            return Ok(token);
        }
        let _turn = keeper.login_turn().await;
        // Another task's login may have been the one we need.
        match keeper.next_beside().await? {
            Next::Use(token) => Ok(token),
            Next::LogIn { with, instead_of } => match (self.log_in_as(&with).await, instead_of) {
                (Ok(token), _) => Ok(token),
                (Err(_), Some(old)) if !expired(&old) => Ok(old),
                (Err(problem), _) => Err(problem.into()),
            },
        }
    }
}

/// True for an answer that no agent gives to any of our requests.
fn is_web_page(answer: &RawAnswer) -> bool {
    answer.body.as_deref().is_ok_and(|body| body.trim_ascii_start().starts_with(b"<"))
}

/// The state in an answer to `agent_status`.
pub(super) fn state_of(answer: &RawAnswer) -> AgentState {
    match &answer.body {
        Ok(body) if answer.status == 200 => wire::agent_state(body).unwrap_or(AgentState::Unknown),
        Ok(_) | Err(_) => AgentState::Unknown,
    }
}

/// The body of a 200; anything else is an error in words that hold no secret.
pub(super) fn good_body(
    endpoint: Endpoint,
    answer: RawAnswer,
    token: Option<&SecretString>,
) -> Result<Vec<u8>, AskError> {
    let word = endpoint.word();
    match answer.status {
        200 => answer.body.map_err(|why| {
            AskError::Unusable(format!("the answer to `{word}` can't be used: {why}"))
        }),
        401 => Err(AskError::BadToken("the agent refuses the token (401)".to_owned())),
        404 | 405 => Err(AskError::NoSuchRoute(word)),
        499 => {
            let body = answer.body.unwrap_or_default();
            let mut problem = Problem::read(answer.error_code.as_deref(), &body);
            problem.words = fit(&problem.words, token);
            Err(problem.into())
        }
        status => Err(AskError::Unusable(format!("the agent answered {status} to `{word}`"))),
    }
}

/// The error for an answer of the wrong form.
pub(super) fn unreadable(endpoint: Endpoint, why: &str) -> AskError {
    let why = fit(why, None);
    AskError::Unusable(format!("the answer to `{}` can't be read: {why}", endpoint.word()))
}

fn expired(token: &SecretString) -> bool {
    super::token::expiry(token.expose_secret()).is_some_and(|end| end <= crate::clock::now())
}
