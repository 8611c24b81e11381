//! Reads one answer as the answer to each of our requests.
//!
//! The daemon never does this: it is for the properties that hold of every reading, whatever an
//! agent answers to whatever request (`fuzz/src/agent_answer.rs`). Uses the very functions that the
//! client reads with, and holds no secret.

use jiff::Timestamp;
use secrecy::SecretString;

use super::client::{good_body, state_of, unreadable};
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::session::{LoginAnswer, login_answer};
use super::submit::sort;
use super::transport::RawAnswer;
use super::wire::{self, ApiToken, CloudAccount, UserProfile};
use crate::core::transfer::{AgentState, SubmitAnswer, Transfer};

/// One answer, read in each way.
#[derive(Debug)]
pub struct Readings {
    /// As the answer to a submit.
    pub submit: SubmitAnswer,
    /// As the answer to a cancel.
    pub cancel: Result<(), AskError>,
    /// As the agent's state.
    pub state: AgentState,
    /// As a page of `get_all`: the records that could be read whole.
    pub page: Result<Vec<Transfer>, AskError>,
    /// As the user.
    pub user: Result<UserProfile, AskError>,
    /// As the list of cloud accounts.
    pub accounts: Result<Vec<CloudAccount>, AskError>,
    /// As the list of an account's buckets: their names, if all are listed.
    pub buckets: Result<Option<Vec<String>>, AskError>,
    /// As the list of API tokens.
    pub api_tokens: Result<Vec<ApiToken>, AskError>,
    /// As a new API token: when it ends.
    pub minted: Result<Option<Timestamp>, AskError>,
    /// As the answer to a login.
    pub login: Result<LoginAnswer, AskError>,
    /// Its body as a token: when that ends.
    pub expiry: Option<Timestamp>,
}

impl Readings {
    /// Reads `answer` in every way; `token` is masked in the results.
    pub fn of(answer: &RawAnswer, token: &SecretString) -> Self {
        let body = |endpoint| good_body(endpoint, answer.clone(), Some(token));
        let page = body(Endpoint::Transfers).and_then(|body| {
            let mut transfers = Vec::new();
            let mut each = |record: wire::ReadRecord| transfers.extend(record.transfer);
            match wire::read_page(&body, &mut each) {
                Ok(_) => Ok(transfers),
                Err(error) => Err(unreadable(Endpoint::Transfers, &error)),
            }
        });
        Self {
            submit: sort(answer, token),
            cancel: body(Endpoint::Cancel).map(|_| ()),
            state: state_of(answer),
            page,
            user: read(Endpoint::User, body, wire::user),
            accounts: read(Endpoint::Accounts, body, wire::accounts),
            buckets: read(Endpoint::Buckets, body, wire::buckets),
            api_tokens: read(Endpoint::ListTokens, body, wire::api_tokens),
            minted: read(Endpoint::MintToken, body, wire::minted_token).map(|(_, end)| end),
            login: login_answer(Endpoint::Login, answer.clone(), token),
            expiry: match &answer.body {
                Ok(body) => super::token::expiry(&String::from_utf8_lossy(body)),
                Err(_) => None,
            },
        }
    }
}

fn read<T>(
    endpoint: Endpoint,
    body: impl Fn(Endpoint) -> Result<Vec<u8>, AskError>,
    reader: fn(&[u8]) -> Result<T, String>,
) -> Result<T, AskError> {
    body(endpoint).and_then(|body| reader(&body).map_err(|error| unreadable(endpoint, &error)))
}
