//! One reading of `get_all`: as deep as asked for, and honest about whether it proves absence.
//!
//! It requests the pages and parses them; which ones, and what they prove, is decided in
//! `core/paging.rs`.

use std::sync::{MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::client::{AgentClient, unreadable};
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::limits::{LOOK_BYTES_MAX, OFFSET_NOISE, USER_PATIENCE, USER_STRIKES};
use super::transport::{Call, RawAnswer, SendFailure};
use super::wire::{self, ReadRecord, UserProfile};
use crate::clock;
use crate::core::ids::{AccessId, UserId};
use crate::core::limits::LOOK_MAX;
use crate::core::paging::{PageFacts, PageRecord, Paging, Reading};
use crate::core::transfer::{AgentState, Gap, Incomplete, Look, LookFailure, LookRequest};

/// The known owner of the token.
pub(super) struct KnownUser {
    token: SecretString,
    known: Known,
}

enum Known {
    /// The agent named this user.
    Reported(UserId),
    /// It could not answer, this many times in a row; [`USER_STRIKES`] as soon as looks go on
    /// without. An agent that starts up may have named nobody because its routes are not there yet.
    Failed(u32),
}

impl AgentClient {
    /// Reads the list as deep as `request.since`. The engine requests one look at a time, but more
    /// would do no harm.
    pub async fn look(&self, request: &LookRequest) -> Result<Look, LookFailure> {
        let began_at = clock::now();
        let began = clock::awake_since_boot();
        let took = || clock::awake_since_boot().saturating_sub(began);
        let agent = self.agent_status().await;
        let agent = agent.map_err(|error| look_failure(error, AgentState::Unknown))?;
        let mut again = self.inner.keeper.can_log_in();
        loop {
            match self.listing(request, began).await {
                // The token may be refused because nobody is signed in: then the agent's state says
                // more than the refusal.
                Err(AskError::BadToken(_) | AskError::Refused { .. }) if !agent.may_work() => {
                    return Ok(blind_look(began_at, agent, took()));
                }
                Err(AskError::BadToken(_)) if again => again = false,
                Err(error) => return Err(look_failure(error, agent)),
                Ok((access, user, reading)) => {
                    let Reading { as_of, gap, pages, records, total, short, .. } = reading;
                    let gap = if agent.may_work() { gap } else { Some(Gap::Idle) };
                    let took = took();
                    return Ok(Look {
                        began_at,
                        as_of,
                        incomplete: gap.map(|gap| Incomplete { gap, pages, records, total, took }),
                        is_short: short,
                        agent,
                        access,
                        user,
                        clock_offset: reading.clock_offset,
                        read_back_to: reading.read_back_to,
                        transfers: reading.transfers,
                    });
                }
            }
        }
    }

    async fn listing(
        &self,
        request: &LookRequest,
        began: SignedDuration,
    ) -> Result<(AccessId, Option<UserId>, Reading), AskError> {
        let token = self.usable_token().await?;
        let access = self.access_by(&token);
        let user = self.user_of(&token).await?;
        let page_size = self.inner.page_size;
        let mut paging = Paging::new(request.since, page_size as u64);
        let mut bytes = 0;
        while let Some(number) = paging.next_page() {
            let answer = self.page(&token, number, page_size).await;
            let taken = answer
                .and_then(|answer| self.take_page(answer, &token, request, user, &mut paging));
            match taken {
                Ok(length) => bytes += length,
                Err(error @ AskError::BadToken(_)) => return Err(error),
                Err(error) if paging.is_at_start() => return Err(error),
                // The pages before it prove presence.
                Err(error) => paging.cut(Gap::PageFailed(error.to_string())),
            }
            if let Some(why) = bound(clock::awake_since_boot().saturating_sub(began), bytes) {
                paging.cut(why);
            }
        }
        Ok((access, user, paging.finish()))
    }

    /// The raw answer with one page, newest first.
    pub(super) async fn page(
        &self,
        token: &SecretString,
        number: u64,
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

    /// Reads a page into `paging`, and returns the length of its body.
    fn take_page(
        &self,
        answer: RawAnswer,
        token: &SecretString,
        request: &LookRequest,
        ours: Option<UserId>,
        paging: &mut Paging,
    ) -> Result<usize, AskError> {
        let clock_offset = offset(&answer);
        let (body, asked_at) = self.judge(Endpoint::Transfers, answer, token)?;
        paging.begin(asked_at, clock_offset);
        let depth = paging.depth();
        let mut each = |record: ReadRecord| {
            paging.record(PageRecord {
                id: record.id,
                requested_at: record.requested_at,
                unreadable: record.doubt(request, depth, ours),
                wanted: record.wanted_by(request),
            });
        };
        let facts = wire::read_page(&body, &mut each)
            .map_err(|error| unreadable(Endpoint::Transfers, &error))?;
        paging.end(PageFacts { total: facts.total, page_size: facts.page_size });
        if facts.cut {
            // The part that is not read may be ours, unless the part that was read is older than
            // that.
            paging.cut(Gap::TooLarge);
        }
        Ok(body.len())
    }

    /// The owner of the token: asked at each look until the agent has told it for this token.
    async fn user_of(&self, token: &SecretString) -> Result<Option<UserId>, AskError> {
        let strikes = match &*self.known_user() {
            Some(user) if user.token.expose_secret() == token.expose_secret() => match user.known {
                Known::Reported(user) => return Ok(Some(user)),
                Known::Failed(strikes) => strikes,
            },
            Some(_) | None => 0,
        };
        let call = Call::to(Endpoint::User, Some(token));
        let sent = match strikes < USER_STRIKES {
            true => self.inner.transport.send(call).await,
            // It is asked again at each look, which must not take so long for it.
            false => match timeout(USER_PATIENCE, self.inner.transport.send(call)).await {
                Ok(sent) => sent,
                Err(_) => return Ok(None),
            },
        };
        let told = match sent {
            Ok(answer) => self.judge(Endpoint::User, answer, token).and_then(|(body, _)| {
                wire::user(&body).map_err(|error| unreadable(Endpoint::User, &error))
            }),
            // The connection was made: it may be this route alone that gives no answer.
            Err(failure @ (SendFailure::TimedOut(_) | SendFailure::Lost(_))) => {
                Err(AskError::Unusable(AskError::from(failure).to_string()))
            }
            Err(failure @ (SendFailure::NotSent(_) | SendFailure::PortHeld(_))) => {
                return Err(failure.into());
            }
        };
        let (known, result) = match told {
            Ok(UserProfile { user: Some(user), .. }) => (Known::Reported(user), Ok(Some(user))),
            Ok(UserProfile { user: None, .. }) | Err(AskError::NoSuchRoute(_)) => {
                (Known::Failed(USER_STRIKES), Ok(None))
            }
            Err(
                error @ (AskError::Unreachable(_) | AskError::PortHeld(_) | AskError::BadToken(_)),
            ) => return Err(error),
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

/// The bound that ends a look before the list does.
fn bound(took: SignedDuration, bytes: usize) -> Option<Gap> {
    if took > LOOK_MAX {
        Some(Gap::TooSlow)
    } else if bytes > LOOK_BYTES_MAX {
        Some(Gap::TooLarge)
    } else {
        None
    }
}

/// The agent's clock less ours. The header has whole seconds, so a small offset counts as none;
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

/// A look at an agent that is not working, and shows no list either.
fn blind_look(began_at: Timestamp, agent: AgentState, took: SignedDuration) -> Look {
    let incomplete = Incomplete { gap: Gap::Idle, pages: 0, records: 0, total: None, took };
    Look {
        began_at,
        as_of: clock::now(),
        incomplete: Some(incomplete),
        is_short: false,
        agent,
        access: AccessId::default(),
        user: None,
        clock_offset: None,
        read_back_to: None,
        transfers: Vec::new(),
    }
}

/// The failure of a look at an agent that reports this state.
fn look_failure(error: AskError, agent: AgentState) -> LookFailure {
    match error {
        AskError::Unreachable(words) => LookFailure::Unreachable(words),
        AskError::PortHeld(words) => LookFailure::PortHeld(words),
        AskError::BadToken(words) => LookFailure::BadToken { words, agent },
        AskError::Refused { .. } | AskError::NoSuchRoute(_) | AskError::Unusable(_) => {
            LookFailure::Unusable(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_bounded_by_time_and_bytes_and_not_by_pages() {
        let second = SignedDuration::from_secs(1);
        assert_eq!(bound(LOOK_MAX, LOOK_BYTES_MAX), None);
        assert_eq!(bound(LOOK_MAX + second, 0), Some(Gap::TooSlow));
        assert_eq!(bound(second, LOOK_BYTES_MAX + 1), Some(Gap::TooLarge));
    }
}
