//! The routes of the Click API that transferd uses, and counts of requests to each by outcome.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;

/// A route (click-api).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /management/agent_status`.
    AgentStatus,
    /// `POST /management/command/0`, Start.
    Start,
    /// `GET /management/check_update`.
    CheckUpdate,
    /// `GET /authentication/user`.
    User,
    /// `GET /transfer/get_all`.
    Transfers,
    /// `POST /transfer/transfer`.
    Submit,
    /// `POST /transfer/cancel_transfer`.
    Cancel,
    /// `GET /transferhistory/get_all`.
    History,
    /// `GET /cloud/accounts`.
    Accounts,
    /// `GET /cloud/account`.
    Account,
    /// `POST /cloud/list_buckets`, which changes nothing.
    Buckets,
    /// `POST /cloud/list_objects`, which changes nothing.
    Objects,
    /// `POST /authentication/login`.
    Login,
    /// `POST /authentication/mfa_respond`.
    MfaRespond,
    /// `POST /authentication/logout`.
    Logout,
    /// `POST /apitoken/insert`.
    MintToken,
    /// `GET /apitoken/get_all`.
    ListTokens,
    /// `DELETE /apitoken/delete`.
    DeleteToken,
}

impl Endpoint {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 18] = [
        Self::AgentStatus,
        Self::Start,
        Self::CheckUpdate,
        Self::User,
        Self::Transfers,
        Self::Submit,
        Self::Cancel,
        Self::History,
        Self::Accounts,
        Self::Account,
        Self::Buckets,
        Self::Objects,
        Self::Login,
        Self::MfaRespond,
        Self::Logout,
        Self::MintToken,
        Self::ListTokens,
        Self::DeleteToken,
    ];

    /// The label in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::AgentStatus => "agent_status",
            Self::Start => "start",
            Self::CheckUpdate => "check_update",
            Self::User => "user",
            Self::Transfers => "get_all",
            Self::Submit => "transfer",
            Self::Cancel => "cancel_transfer",
            Self::History => "history",
            Self::Accounts => "accounts",
            Self::Account => "account",
            Self::Buckets => "list_buckets",
            Self::Objects => "list_objects",
            Self::Login => "login",
            Self::MfaRespond => "mfa_respond",
            Self::Logout => "logout",
            Self::MintToken => "apitoken_insert",
            Self::ListTokens => "apitoken_get_all",
            Self::DeleteToken => "apitoken_delete",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::AgentStatus => "/management/agent_status",
            Self::Start => "/management/command/0",
            Self::CheckUpdate => "/management/check_update",
            Self::User => "/authentication/user",
            Self::Transfers => "/transfer/get_all",
            Self::Submit => "/transfer/transfer",
            Self::Cancel => "/transfer/cancel_transfer",
            Self::History => "/transferhistory/get_all",
            Self::Accounts => "/cloud/accounts",
            Self::Account => "/cloud/account",
            Self::Buckets => "/cloud/list_buckets",
            Self::Objects => "/cloud/list_objects",
            Self::Login => "/authentication/login",
            Self::MfaRespond => "/authentication/mfa_respond",
            Self::Logout => "/authentication/logout",
            Self::MintToken => "/apitoken/insert",
            Self::ListTokens => "/apitoken/get_all",
            Self::DeleteToken => "/apitoken/delete",
        }
    }

    pub(super) fn method(self) -> Method {
        match self {
            Self::AgentStatus
            | Self::CheckUpdate
            | Self::User
            | Self::Transfers
            | Self::History
            | Self::Accounts
            | Self::Account
            | Self::ListTokens => Method::GET,
            Self::Start
            | Self::Submit
            | Self::Buckets
            | Self::Objects
            | Self::Cancel
            | Self::Login
            | Self::MfaRespond
            | Self::Logout
            | Self::MintToken => Method::POST,
            Self::DeleteToken => Method::DELETE,
        }
    }
}

/// The outcome of a request in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200.
    Ok,
    /// 401 or 499: the agent refused.
    Refused,
    /// Not connected.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// Anything else.
    Error,
}

impl Outcome {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::Refused, Self::Unreachable, Self::Timeout, Self::Error];

    /// The label in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

/// One cell of the table: `transferd_agent_requests_total{endpoint,outcome}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCount {
    /// The route.
    pub endpoint: Endpoint,
    /// The outcome.
    pub outcome: Outcome,
    /// The number of requests.
    pub count: u64,
}

/// Requests by endpoint and outcome. Outlives a client: hand it on when settings change.
#[derive(Debug, Default)]
pub struct RequestCounters {
    cells: [[AtomicU64; Outcome::ALL.len()]; Endpoint::ALL.len()],
}

impl RequestCounters {
    pub(super) fn count(&self, endpoint: Endpoint, outcome: Outcome) {
        // `ALL` lists the variants in their order, which a test checks.
        self.cells[endpoint as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The cells that are not zero.
    pub fn read(&self) -> Vec<RequestCount> {
        let mut counts = Vec::new();
        for endpoint in Endpoint::ALL {
            for outcome in Outcome::ALL {
                let count = self.cells[endpoint as usize][outcome as usize].load(Ordering::Relaxed);
                if count > 0 {
                    counts.push(RequestCount { endpoint, outcome, count });
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_counts_its_own_requests() {
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, index);
        }
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
        let counters = RequestCounters::default();
        counters.count(Endpoint::Submit, Outcome::Timeout);
        counters.count(Endpoint::Submit, Outcome::Timeout);
        let endpoint = Endpoint::Submit;
        assert_eq!(
            counters.read(),
            [RequestCount { endpoint, outcome: Outcome::Timeout, count: 2 }]
        );
    }
}
