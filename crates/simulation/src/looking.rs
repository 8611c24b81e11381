//! Performs a look: status, user, then the pages that the client's own paging asks for; each
//! request takes its time, and the world goes on between them.

use jiff::{SignedDuration, Timestamp};

use transferd_engine::event_loop::Epoch;
use transferd_engine::ids::AccessId;
use transferd_engine::input::Input;
use transferd_engine::limits::LOOK_MAX;
use transferd_engine::paging::{PageFacts, PageRecord, Paging, Reading};
use transferd_engine::transfer::{AgentState, Gap, Incomplete, Look, LookFailure, LookRequest};
use transferd_sim::world::{ListPage, ListQuery};

use super::daemon::Asker;
use super::mutation::Mutation;
use super::simulation::{Answer, Event, Observer, Order, Simulation};
use transferd_sim::convert;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Status,
    User,
    List,
}

/// A look that is under way.
#[derive(Debug)]
pub(super) struct LookUnderWay {
    number: u64,
    /// The engine that waits for it.
    epoch: Epoch,
    request: LookRequest,
    stage: Stage,
    began_true: Timestamp,
    began_at: Timestamp,
    agent: AgentState,
    paging: Paging,
}

/// A look in words, for traces.
pub(super) fn words(look: &Look) -> String {
    let mut words = format!("look incomplete={:?} agent={:?}", look.incomplete, look.agent);
    for record in &look.transfers {
        words += &format!(
            "\n        {} {:?} user={:?} at={:?} kind={:?} fp={}",
            record.id,
            record.status,
            record.user,
            record.requested_at,
            record.kind,
            record.fingerprint.0
        );
    }
    words
}

impl<O: Observer> Simulation<O> {
    pub(super) fn begin_look(&mut self, number: usize, epoch: Epoch, request: LookRequest) {
        self.check_look_is_needed(number);
        self.answer_lost_look(number);
        let wall = self.wall(number);
        let now = self.now;
        let daemon = &mut self.daemons[number];
        daemon.looks += 1;
        let look = LookUnderWay {
            number: daemon.looks,
            epoch,
            paging: Paging::new(request.since, self.plan.page_size as u64),
            request,
            stage: Stage::Status,
            began_true: now,
            began_at: wall,
            agent: AgentState::Unknown,
        };
        daemon.look = Some(Box::new(look));
        if self.chance.happens(self.hazards.looks_lost) {
            self.count("look_lost");
            self.daemons[number].look_lost_at = Some(now);
            return;
        }
        self.schedule_look(number, SignedDuration::ZERO);
    }

    fn schedule_look(&mut self, number: usize, answered_after: SignedDuration) {
        let way = self.chance.span(self.hazards.latency);
        let Some(look) = &self.daemons[number].look else { return };
        let look = look.number;
        self.schedule(self.now + answered_after + way, Event::LookStep { number, look });
    }

    /// Handles the next request of a look at the agent.
    pub(super) fn look_step(&mut self, number: usize, look_number: u64) {
        let stale = self.daemons[number].look.as_ref().is_none_or(|l| l.number != look_number);
        if stale || self.mutation == Some(Mutation::LooksUnanswered) {
            return;
        }
        let Some(mut look) = self.daemons[number].look.take() else { return };
        let epoch = look.epoch;
        let (after, next) = self.ask(number, &mut look);
        match next {
            Ok(Some(stage)) => {
                look.stage = stage;
                self.daemons[number].look = Some(look);
                self.schedule_look(number, after);
            }
            Ok(None) => self.end_look(number, epoch, after, Ok(look)),
            // The agent's state then says more than that it refuses the token.
            Err(LookFailure::BadToken { .. }) if !look.agent.may_work() => {
                self.end_look(number, epoch, after, Ok(look));
            }
            Err(LookFailure::BadToken { words, .. }) if look.paging.is_at_start() => {
                let agent = look.agent;
                self.end_look(number, epoch, after, Err(LookFailure::BadToken { words, agent }));
            }
            // Pages that were read prove presence, whatever happens to the others.
            Err(_) if !look.paging.is_at_start() => {
                look.paging.cut(Gap::PageFailed("a page failed".to_owned()));
                self.end_look(number, epoch, after, Ok(look));
            }
            Err(failure) => self.end_look(number, epoch, after, Err(failure)),
        }
    }

    /// Makes the request of this stage; returns when its answer is there, and the next request.
    fn ask(
        &mut self,
        number: usize,
        look: &mut LookUnderWay,
    ) -> (SignedDuration, Result<Option<Stage>, LookFailure>) {
        let now = self.now;
        let patience = self.daemons[number].fed.agent.request_timeout;
        match look.stage {
            Stage::Status => {
                let reply = self.world.agent_status(now);
                let (after, answer) = convert::within(reply.outcome, reply.after, patience);
                let no_status = self.world.options().variants.no_status;
                let next = answer.map(|state| {
                    look.agent = if no_status { AgentState::Unknown } else { state };
                    let known = self.daemons[number].knows_user;
                    Some(if known { Stage::List } else { Stage::User })
                });
                (after, next)
            }
            Stage::User => {
                let reply = self.world.user(&self.daemons[number].token, now);
                let (after, answer) = convert::within(reply.outcome, reply.after, patience);
                self.daemons[number].knows_user |= answer.is_ok();
                (after, answer.map(|_| Some(Stage::List)))
            }
            Stage::List => {
                let Some(page) = look.paging.next_page() else {
                    return (SignedDuration::ZERO, Ok(None));
                };
                let asked_at = self.wall(number);
                let reply = self.get_page(number, page);
                let (after, answer) = convert::within(reply.outcome, reply.after, patience);
                let next = answer.map(|list| {
                    self.read_page(number, look, asked_at, list);
                    look.paging.next_page().map(|_| Stage::List)
                });
                (after, next)
            }
        }
    }

    fn get_page(&mut self, number: usize, page: u64) -> transferd_sim::world::Reply<ListPage> {
        let page = usize::try_from(page).unwrap_or(usize::MAX);
        let query = ListQuery { page, page_size: self.plan.page_size, ..ListQuery::default() };
        self.world.get_all(&self.daemons[number].token, query, self.now)
    }

    /// Takes in a page, as the client does.
    fn read_page(
        &mut self,
        number: usize,
        look: &mut LookUnderWay,
        asked_at: Timestamp,
        list: ListPage,
    ) {
        let offset = self.clock_offset(number);
        look.paging.begin(asked_at, offset);
        let asked = &look.request;
        for listed in &list.records {
            // All other records are dropped early; unwanted ones need not be fetched first.
            let is_wanted = asked.fingerprints.contains(&listed.fingerprint)
                || asked.fingerprints.contains(&listed.loose_fingerprint)
                || asked.transfers.contains(&listed.id);
            let found = if is_wanted { self.world.transfer(listed.id) } else { None };
            look.paging.record(PageRecord {
                id: Some(listed.id),
                requested_at: Some(listed.requested_at),
                unreadable: None,
                wanted: found.map(|found| convert::transfer(&self.world, found, self.now)),
            });
        }
        let mut total = list.total as u64;
        if list.page > 1 && self.chance.happens(self.hazards.total_wavers) {
            self.count("total_wavered");
            total = total.saturating_sub(1);
        }
        look.paging.end(PageFacts { total: Some(total), page_size: None });
        if self.now.duration_since(look.began_true) > LOOK_MAX {
            look.paging.cut(Gap::TooSlow);
        }
    }

    /// The agent's clock less the daemon's, from the `Date` header.
    fn clock_offset(&self, number: usize) -> Option<SignedDuration> {
        let options = self.world.options();
        let skew = options.clock_skew - self.daemons[number].wall;
        (!options.variants.no_date_header).then(|| SignedDuration::from_secs(skew.as_secs()))
    }

    fn end_look(
        &mut self,
        number: usize,
        epoch: Epoch,
        after: SignedDuration,
        look: Result<Box<LookUnderWay>, LookFailure>,
    ) {
        let order = Order::OfLook(self.daemons[number].looks);
        let input = Input::Looked(self.result_of(number, look));
        self.deliver_look(number, epoch, after, Answer { order, input });
    }

    /// Plans an answer to a look that the engine has given up: it may still come, when the engine
    /// has asked again.
    fn answer_lost_look(&mut self, number: usize) {
        let Some(mut lost) = self.daemons[number].look.take() else { return };
        if !self.chance.happens(self.hazards.lost_looks_answered) {
            return;
        }
        self.count("look_answered_late");
        lost.paging.cut(Gap::TooSlow);
        let epoch = lost.epoch;
        let lost = if self.chance.happens(0.5) {
            Ok(lost)
        } else {
            Err(LookFailure::Unreachable("timed out".to_owned()))
        };
        let input = Input::Looked(self.result_of(number, lost));
        let answer = Answer { order: Order::Any, input };
        self.deliver_look(number, epoch, SignedDuration::ZERO, answer);
    }

    fn deliver_look(&mut self, number: usize, epoch: Epoch, after: SignedDuration, answer: Answer) {
        let asker = Asker { epoch: Some(epoch), ..self.daemons[number].unasked() };
        let at = self.now + after + self.chance.span(self.hazards.latency);
        self.schedule(at, Event::Answer { number, asker, answer: Box::new(answer) });
    }

    /// The result of a look as the engine gets it.
    fn result_of(
        &mut self,
        number: usize,
        look: Result<Box<LookUnderWay>, LookFailure>,
    ) -> Result<Look, LookFailure> {
        let wall = self.wall(number);
        let now = self.now;
        let no_user_id = self.world.options().variants.no_user_id;
        let daemon = &mut self.daemons[number];
        look.map(|look| {
            let LookUnderWay { paging, agent, began_at, began_true, .. } = *look;
            let reading = paging.finish();
            let Reading { as_of, clock_offset, read_back_to, transfers, short, .. } = reading;
            if reading.moved {
                self.report.count("list_shifted", 1);
            }
            let gap = if agent.may_work() { reading.gap } else { Some(Gap::Idle) };
            if gap.is_none() {
                daemon.ground_began = began_true;
            }
            let incomplete = gap.map(|gap| Incomplete {
                gap,
                pages: reading.pages,
                records: reading.records,
                total: reading.total,
                took: now.duration_since(began_true),
            });
            let mut look = Look {
                began_at,
                as_of,
                incomplete,
                is_short: short,
                access: AccessId::default(),
                agent,
                user: (!no_user_id && daemon.knows_user).then_some(daemon.user),
                clock_offset,
                read_back_to,
                transfers,
            };
            if let Some(mutation) = self.mutation {
                mutation.look(&mut look, wall);
            }
            look
        })
    }
}
