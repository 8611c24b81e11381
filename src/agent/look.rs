//! One reading of `get_all`: as deep as asked for, and honest about whether it proves absence.
//!
//! It knows paging and its traps, not runs. A look is complete only if nothing in it says that a
//! record may have slipped through (protocol, "Words"); an incomplete one still brings what it saw.

use std::collections::{HashMap, HashSet};
use std::sync::{MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::client::{AgentClient, unreadable};
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::limits::{
    DEFAULT_PAGE_SIZE, LOOK_MAX, OFFSET_NOISE, PAGES_MAX, USER_STRIKES, WANTED_MAX,
};
use super::transport::{Call, RawAnswer};
use super::wire::{self, PageFacts, ReadRecord};
use crate::clock;
use crate::core::ids::{TransferId, UserId};
use crate::core::transfer::{AgentState, Look, LookFailure, LookRequest, Transfer};

/// What is known of whose token it is.
pub(super) struct KnownUser {
    token: SecretString,
    known: Known,
}

enum Known {
    /// The agent answered: this user, or that it tells none.
    Told(Option<UserId>),
    /// It could not tell, so many times in a row.
    Failed(u32),
}

impl AgentClient {
    /// Reads the list as deep as `request.since`. One look at a time is what the engine asks for,
    /// but nothing breaks if there are more.
    pub async fn look(&self, request: &LookRequest) -> Result<Look, LookFailure> {
        let began_at = clock::now();
        let agent = self.agent_status().await.map_err(look_failure)?;
        let mut again = self.inner.keeper.can_log_in();
        loop {
            match self.listing(request).await {
                // What the token is refused for may be that nobody is signed in: the state of the
                // agent says more than the refusal.
                Err(AskError::BadToken(_) | AskError::Refused { .. }) if !agent.may_work() => {
                    return Ok(blind_look(began_at, agent));
                }
                Err(AskError::BadToken(_)) if again => again = false,
                Err(error) => return Err(look_failure(error)),
                Ok((user, reading)) => {
                    let at_work = match agent {
                        AgentState::Started | AgentState::Unknown => true,
                        AgentState::Created
                        | AgentState::Stopped
                        | AgentState::Paused
                        | AgentState::Disposed => false,
                    };
                    return Ok(Look {
                        began_at,
                        as_of: reading.as_of,
                        complete: reading.complete && at_work,
                        agent,
                        user,
                        clock_offset: reading.clock_offset,
                        transfers: reading.wanted.into_values().collect(),
                    });
                }
            }
        }
    }

    async fn listing<'a>(
        &self,
        request: &'a LookRequest,
    ) -> Result<(Option<UserId>, Reading<'a>), AskError> {
        let token = self.usable_token().await?;
        let user = self.user_of(&token).await?;
        let mut reading = Reading::new(request);
        let started = clock::awake_since_boot();
        for number in 1..=PAGES_MAX {
            let answer = self.page(&token, number, self.inner.page_size).await?;
            match reading.take(self.read(answer, &token)?, self.inner.page_size)? {
                Turn::Next => {}
                Turn::End { complete } => {
                    reading.complete = complete;
                    break;
                }
            }
            if clock::awake_since_boot() - started > LOOK_MAX {
                break;
            }
        }
        if reading.pages > 1 {
            // The head is read even if the look is incomplete already: what is new there counts.
            let answer = self.page(&token, 1, self.inner.page_size).await?;
            reading.take_head_again(self.read(answer, &token)?)?;
        }
        reading.complete &= !reading.shifted && reading.doubtful == 0;
        if reading.doubtful > 0 {
            let doubtful = reading.doubtful;
            tracing::warn!(
                "{doubtful} records of the agent's list can't be read, and may be ours: the list \
                 proves no absence"
            );
        }
        Ok((user, reading))
    }

    /// One page, newest first, as it came.
    pub(super) async fn page(
        &self,
        token: &SecretString,
        number: usize,
        size: usize,
    ) -> Result<RawAnswer, AskError> {
        let query = [
            ("page", &*number.to_string()),
            ("pagesize", &*size.to_string()),
            ("sortfield", "RequestDate"),
            ("descending", "true"),
            ("type", "15"),
        ];
        let call = Call { query: &query, ..Call::to(Endpoint::Transfers, Some(token)) };
        Ok(self.inner.transport.send(call).await?)
    }

    fn read(&self, answer: RawAnswer, token: &SecretString) -> Result<GoodPage, AskError> {
        let clock_offset = offset(&answer);
        let (body, asked_at) = self.judge(Endpoint::Transfers, answer, token)?;
        Ok(GoodPage { body, asked_at, clock_offset })
    }

    /// Whose token it is: asked once for each token.
    async fn user_of(&self, token: &SecretString) -> Result<Option<UserId>, AskError> {
        let strikes = match &*self.known_user() {
            Some(user) if user.token.expose_secret() == token.expose_secret() => match user.known {
                Known::Told(user) => return Ok(user),
                Known::Failed(strikes) => strikes,
            },
            Some(_) | None => 0,
        };
        let answer = self.inner.transport.send(Call::to(Endpoint::User, Some(token))).await?;
        let told = self.judge(Endpoint::User, answer, token).and_then(|(body, _)| {
            wire::user(&body).map_err(|error| unreadable(Endpoint::User, &error))
        });
        let (known, result) = match told {
            Ok(profile) => (Known::Told(profile.user), Ok(profile.user)),
            Err(AskError::NoSuchRoute(_)) => (Known::Told(None), Ok(None)),
            Err(error @ (AskError::Unreachable(_) | AskError::BadToken(_))) => return Err(error),
            Err(error @ (AskError::Refused { .. } | AskError::Unusable(_))) => {
                let strikes = strikes.saturating_add(1);
                let result = if strikes < USER_STRIKES { Err(error) } else { Ok(None) };
                (Known::Failed(strikes), result)
            }
        };
        *self.known_user() = Some(KnownUser { token: token.clone(), known });
        result
    }

    fn known_user(&self) -> MutexGuard<'_, Option<KnownUser>> {
        self.inner.user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page that answered 200.
struct GoodPage {
    body: Vec<u8>,
    asked_at: Timestamp,
    clock_offset: Option<SignedDuration>,
}

/// Whether there is more to read.
enum Turn {
    Next,
    End { complete: bool },
}

/// What has been read so far.
struct Reading<'a> {
    request: &'a LookRequest,
    as_of: Timestamp,
    complete: bool,
    clock_offset: Option<SignedDuration>,
    wanted: HashMap<TransferId, Transfer>,
    /// Unreadable records that may be wanted.
    doubtful: usize,
    /// The list moved while it was read. What is deeper in it may still prove presence.
    shifted: bool,
    pages: usize,
    /// `total` of the first page.
    total: Option<u64>,
    first_ids: Vec<Option<TransferId>>,
    seen: HashSet<TransferId>,
    records: u64,
    longest_page: u64,
    /// The date of the last dated record, while all have come newest first.
    last_date: Option<Timestamp>,
    descending: bool,
}

impl<'a> Reading<'a> {
    fn new(request: &'a LookRequest) -> Self {
        Self {
            request,
            as_of: clock::now(),
            complete: false,
            clock_offset: None,
            wanted: HashMap::new(),
            doubtful: 0,
            shifted: false,
            pages: 0,
            total: None,
            first_ids: Vec::new(),
            seen: HashSet::new(),
            records: 0,
            longest_page: 0,
            last_date: None,
            descending: true,
        }
    }

    /// Records older than this, by the agent's clock, matter to nobody. An agent whose clock is
    /// behind dates its records too early.
    fn depth(&self) -> Timestamp {
        let behind = self.clock_offset.unwrap_or_default().min(SignedDuration::ZERO);
        self.request.since.checked_add(behind).unwrap_or(Timestamp::MIN)
    }

    fn take(&mut self, page: GoodPage, asked_size: usize) -> Result<Turn, AskError> {
        let first = self.pages == 0;
        self.pages += 1;
        self.as_of = page.asked_at;
        if first {
            self.clock_offset = page.clock_offset;
        }
        let mut ids = Vec::new();
        let depth = self.depth();
        let facts = self.read(&page, &mut ids)?;
        let news = ids.iter().flatten().filter(|id| self.seen.insert(**id)).count();
        self.records += facts.count;
        self.longest_page = self.longest_page.max(facts.count);
        if first {
            self.total = facts.total;
            self.first_ids = ids;
        } else if facts.total != self.total {
            self.shifted = true;
        }
        if facts.count == 0 {
            return Ok(Turn::End { complete: true });
        }
        if !first && news == 0 {
            // The agent serves the same page whatever is asked for, so there is no telling what
            // lies behind it.
            return Ok(Turn::End { complete: false });
        }
        if self.wanted.len() >= WANTED_MAX {
            return Ok(Turn::End { complete: false });
        }
        let deep_enough = self.descending && self.last_date.is_some_and(|date| date < depth);
        if deep_enough || self.is_last(&facts, asked_size) {
            return Ok(Turn::End { complete: true });
        }
        Ok(Turn::Next)
    }

    /// True if nothing can follow this page. `total` alone is not believed, and a page that is as
    /// long as one that ignores `pagesize` may be full, until a longer one was seen.
    fn is_last(&self, facts: &PageFacts, asked_size: usize) -> bool {
        let full = facts.count >= asked_size as u64
            || (facts.count == DEFAULT_PAGE_SIZE && self.longest_page <= DEFAULT_PAGE_SIZE)
            || facts.page_size.is_some_and(|size| facts.count >= size);
        !full && facts.total.is_none_or(|total| self.records >= total)
    }

    fn take_head_again(&mut self, page: GoodPage) -> Result<(), AskError> {
        let mut ids = Vec::new();
        let facts = self.read(&page, &mut ids)?;
        self.as_of = page.asked_at;
        self.shifted |= ids != self.first_ids || facts.total != self.total;
        Ok(())
    }

    /// Reads a page's records. Of a record read twice, the later reading counts.
    fn read(
        &mut self,
        page: &GoodPage,
        ids: &mut Vec<Option<TransferId>>,
    ) -> Result<PageFacts, AskError> {
        let depth = self.depth();
        let Self { request, wanted, doubtful, last_date, descending, .. } = self;
        let mut each = |record: ReadRecord| {
            ids.push(record.id);
            if record.is_doubtful(request, depth) {
                *doubtful += 1;
            }
            if let Some(date) = record.requested_at {
                *descending &= last_date.is_none_or(|last| date <= last);
                *last_date = Some(date);
            }
            if let Some(transfer) = record.wanted_by(request)
                && (wanted.len() < WANTED_MAX || wanted.contains_key(&transfer.id))
            {
                wanted.insert(transfer.id, transfer);
            }
        };
        wire::read_page(&page.body, &mut each)
            .map_err(|error| unreadable(Endpoint::Transfers, &error))
    }
}

/// The agent's clock less ours. The header tells whole seconds, so that a small offset is none;
/// absent without a header.
pub(super) fn offset(answer: &RawAnswer) -> Option<SignedDuration> {
    let half_way = answer.answered_at.duration_since(answer.asked_at) / 2;
    let ours = answer.asked_at.checked_add(half_way).ok()?;
    // On average the header is half a second old.
    let theirs = answer.date?.checked_add(SignedDuration::from_millis(500)).ok()?;
    let offset = theirs.duration_since(ours);
    let small = offset.abs() <= OFFSET_NOISE + half_way.abs();
    Some(if small { SignedDuration::ZERO } else { offset })
}

/// A look at an agent that is not at work, and shows no list either.
fn blind_look(began_at: Timestamp, agent: AgentState) -> Look {
    Look {
        began_at,
        as_of: clock::now(),
        complete: false,
        agent,
        user: None,
        clock_offset: None,
        transfers: Vec::new(),
    }
}

fn look_failure(error: AskError) -> LookFailure {
    match error {
        AskError::Unreachable(words) => LookFailure::Unreachable(words),
        AskError::BadToken(words) => LookFailure::BadToken(words),
        AskError::Refused { .. } | AskError::NoSuchRoute(_) | AskError::Unusable(_) => {
            LookFailure::Unusable(error.to_string())
        }
    }
}
