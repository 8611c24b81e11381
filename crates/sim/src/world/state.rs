//! The state of a world and how time passes in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use transferd_engine::ids::{TransferId, UserId};
use transferd_engine::place::TransferRequest;
use transferd_engine::transfer::AgentState;

use super::accounts::SimUser;
use super::api::{Endpoint, Outcome, Reply};
use super::chance::Chance;
use super::events::{Due, Event};
use super::faults::{Fault, PlannedFault};
use super::listing::Listed;
use super::options::{Variants, WorldOptions};
use super::post::PostFact;
use super::progress::Notice;
use super::tokens::{ApiToken, TokenFact};
use super::transfers::SimTransfer;

/// The most notices that are kept until they are taken: a server takes them at once.
const NOTICES_MAX: usize = 1_000;

/// The whole state of a simulated agent and its future. Serialisable: a restarted simulator goes on
/// where it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub(crate) options: WorldOptions,
    pub(crate) chance: Chance,
    /// The time up to which events have been processed.
    pub(crate) now: Timestamp,
    pub(crate) queue: BTreeSet<Due>,
    pub(crate) sequence: u64,
    /// Boxed: searches among all transfers that ever were look at the keys, which then lie close
    /// together.
    pub(crate) transfers: BTreeMap<TransferId, Box<SimTransfer>>,
    /// The content of `get_all`, by `requestDate`.
    pub(crate) listed: BTreeSet<Listed>,
    /// Transfers that are neither over nor gone.
    pub(crate) active: BTreeSet<TransferId>,
    /// Recently requested places: likely places of foreign transfers.
    pub(crate) recent: VecDeque<(UserId, Arc<TransferRequest>)>,
    pub(crate) posts: BTreeMap<u64, PostFact>,
    pub(crate) next_post: u64,
    pub(crate) agent: AgentState,
    pub(crate) down: bool,
    pub(crate) tokens: BTreeMap<String, TokenFact>,
    pub(crate) api_tokens: Vec<ApiToken>,
    pub(crate) challenges: BTreeMap<String, UserId>,
    pub(crate) planned: Vec<PlannedFault>,
    #[serde(skip)]
    pub(crate) notices: VecDeque<Notice>,
    pub(crate) faults_fired: BTreeMap<String, u64>,
    pub(crate) revision: u64,
}

impl World {
    /// A world that begins at `start`.
    pub fn new(options: WorldOptions, seed: u64, start: Timestamp) -> Self {
        let mut world = Self {
            options,
            chance: Chance::from(seed),
            now: start,
            queue: BTreeSet::new(),
            sequence: 0,
            transfers: BTreeMap::new(),
            listed: BTreeSet::new(),
            active: BTreeSet::new(),
            recent: VecDeque::new(),
            posts: BTreeMap::new(),
            next_post: 1,
            agent: AgentState::Started,
            down: false,
            tokens: BTreeMap::new(),
            api_tokens: Vec::new(),
            challenges: BTreeMap::new(),
            planned: Vec::new(),
            notices: VecDeque::new(),
            faults_fired: BTreeMap::new(),
            revision: 0,
        };
        for user in world.options.users.clone() {
            for token in &user.tokens {
                world.add_token(token, user.id, None);
            }
        }
        world.arm_activity(start);
        world
    }

    /// The options.
    pub fn options(&self) -> &WorldOptions {
        &self.options
    }

    /// Replaces the options; active transfers keep their plan.
    pub fn set_options(&mut self, options: WorldOptions, now: Timestamp) {
        self.advance(now);
        for user in &options.users {
            for token in &user.tokens {
                if !self.tokens.contains_key(token) {
                    self.add_token(token, user.id, None);
                }
            }
        }
        self.options = options;
        self.queue.retain(|due| !due.event.is_activity());
        self.arm_activity(now);
    }

    /// Replaces the agent by another one: behaviour that the vendor leaves open changes.
    pub fn set_variants(&mut self, variants: Variants, now: Timestamp) {
        self.advance(now);
        self.revision += 1;
        self.options.variants = variants;
    }

    /// Ends all random faults and all actions of people and foreign machines; active transfers end
    /// as planned.
    pub fn quiet(&mut self, now: Timestamp) {
        self.advance(now);
        self.options.faults = super::faults::FaultRates::default();
        self.options.people = super::options::People::default();
        self.planned.clear();
        self.queue.retain(|due| !due.event.is_activity());
    }

    /// Incremented whenever something has changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The time of the next event.
    pub fn next_event(&self) -> Option<Timestamp> {
        self.queue.first().map(|due| due.at)
    }

    /// Lets all events happen that are due by `now`. A `now` before the last one changes nothing.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(&due) = self.queue.first() {
            if due.at > now {
                break;
            }
            self.queue.remove(&due);
            self.now = self.now.max(due.at);
            self.revision += 1;
            self.happen(due.event, due.at);
        }
        self.now = self.now.max(now);
    }

    fn happen(&mut self, event: Event, at: Timestamp) {
        match event {
            Event::PickUp { transfer, turn } => self.pick_up(transfer, turn, at),
            Event::End { transfer, turn } => self.end(transfer, turn, at),
            Event::Canceled { transfer, turn } => self.finish_cancel(transfer, turn, at),
            Event::Forget { transfer } => self.forget(transfer),
            Event::LatePost { number } => self.process_late_post(number, at),
            Event::PersonActs => self.person_acts(at),
            Event::ForeignStarts => self.foreign_starts(at),
            Event::AgentGoesDown => self.restart_by_itself(at),
            Event::AgentComesUp => self.come_up(at),
            Event::StatusChanges => self.status_changes(at),
            Event::StatusReturns => self.status_returns(at),
        }
    }

    pub(crate) fn plan(&mut self, at: Timestamp, event: Event) {
        self.sequence += 1;
        self.queue.insert(Due { at, sequence: self.sequence, event });
    }

    /// The fault of the next request of an endpoint: as planned, else by the rates.
    pub(crate) fn draw_fault(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let planned = self.planned.iter_mut().find(|planned| planned.endpoint == endpoint);
        let fault = match planned {
            Some(planned) if planned.skip > 0 => {
                planned.skip -= 1;
                None
            }
            Some(planned) => {
                planned.times = planned.times.saturating_sub(1);
                Some(planned.fault)
            }
            None => self.options.faults.draw(endpoint, &mut self.chance),
        };
        self.planned.retain(|planned| planned.times > 0);
        if let Some(fault) = fault {
            self.count_fault(endpoint, fault);
        }
        fault
    }

    pub(crate) fn count_fault(&mut self, endpoint: Endpoint, fault: Fault) {
        let kind = match endpoint {
            Endpoint::Post => "post",
            Endpoint::List => "list",
            Endpoint::Cancel => "cancel",
            Endpoint::Status
            | Endpoint::Start
            | Endpoint::Update
            | Endpoint::User
            | Endpoint::Login
            | Endpoint::ApiToken
            | Endpoint::Accounts
            | Endpoint::History => "other",
        };
        self.count(&format!("{kind}_{}", fault.word()));
    }

    pub(crate) fn count(&mut self, kind: &str) {
        match self.faults_fired.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.faults_fired.insert(kind.to_owned(), 1);
            }
        }
    }

    /// How often each kind of fault has struck.
    pub fn faults_fired(&self) -> &BTreeMap<String, u64> {
        &self.faults_fired
    }

    /// Answers a request that needs no token.
    pub(crate) fn answer<T>(
        &mut self,
        endpoint: Endpoint,
        now: Timestamp,
        act: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Reply<T> {
        self.advance(now);
        if self.down {
            return Reply::now(Outcome::NotReached);
        }
        let fault = self.draw_fault(endpoint);
        let honest = if fault.is_none_or(Fault::acts) { act(self) } else { Outcome::ServerError };
        match fault {
            Some(fault) => Reply { after: fault.delay(), outcome: fault.outcome(honest) },
            None => Reply::now(honest),
        }
    }

    /// Answers a request with a token. It has an effect only if the token is good.
    pub(crate) fn answer_signed_in<T>(
        &mut self,
        endpoint: Endpoint,
        token: &str,
        now: Timestamp,
        act: impl FnOnce(&mut Self, UserId) -> Outcome<T>,
    ) -> Reply<T> {
        self.answer(endpoint, now, |world| {
            match world.check_token(token, now).map(|user| user.id) {
                Ok(user) => act(world, user),
                Err(outcome) => outcome.map(|never| match never {}),
            }
        })
    }

    /// The user that a token stands for, or the refusal.
    pub(crate) fn check_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<&SimUser, Outcome<std::convert::Infallible>> {
        match self.agent {
            AgentState::Created => return Err(Outcome::Unauthorized),
            AgentState::Disposed => {
                return Err(Outcome::Problem(super::api::ProblemCode::Disposed));
            }
            AgentState::Started
            | AgentState::Stopped
            | AgentState::Paused
            | AgentState::Unknown => {}
        }
        let user = self.token_user(token, now).ok_or(Outcome::Unauthorized)?;
        self.options.users.iter().find(|known| known.id == user).ok_or(Outcome::Unauthorized)
    }

    pub(crate) fn notify(&mut self, mut notice: Notice) {
        if let Notice::File(frame) = &mut notice
            && self.options.variants.frames_without_id
        {
            frame.transfer = None;
        }
        if self.notices.len() < NOTICES_MAX {
            self.notices.push_back(notice);
        }
    }

    /// The notices since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.drain(..).collect()
    }

    /// Plans a fault for coming requests.
    pub fn plan_fault(&mut self, fault: PlannedFault) {
        self.revision += 1;
        self.planned.push(fault);
    }

    /// Moves the agent's clock: positive is forward.
    pub fn step_clock(&mut self, by: SignedDuration) {
        self.revision += 1;
        self.options.clock_skew += by;
    }

    /// Notifies all listeners on the notification socket.
    pub fn tell(&mut self, notice: Notice) {
        self.notify(notice);
    }

    /// The world's time.
    pub fn time(&self) -> Timestamp {
        self.now
    }

    /// The agent's clock.
    pub fn agent_time(&self, now: Timestamp) -> Timestamp {
        now + self.options.clock_skew
    }
}
