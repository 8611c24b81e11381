//! A look: status, user, pages until they are old enough, page 1 again; each request takes its
//! time, and the world goes on between them.

use jiff::{SignedDuration, Timestamp};

use crate::core::input::Input;
use crate::core::transfer::{AgentState, Look, LookFailure, LookRequest, Transfer};
use crate::sim::world::{ListQuery, Listed};

use super::convert;
use super::mutation::Mutation;
use super::simulation::{Answer, Event, Observer, Order, Simulation};

/// A look reads so many pages at most; what lies deeper is not asked for by any plan here.
const PAGES_MAX: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Status,
    User,
    Page(usize),
    Again,
}

/// A look that is under way.
#[derive(Debug)]
pub(super) struct LookUnderWay {
    number: u64,
    request: LookRequest,
    stage: Stage,
    began_true: Timestamp,
    began_at: Timestamp,
    as_of: Timestamp,
    agent: AgentState,
    consistent: bool,
    first_page: Vec<Listed>,
    total: Option<usize>,
    /// By id, each once, as it was listed last.
    found: Vec<Transfer>,
}

/// A look in words, for traces.
pub(super) fn words(look: &Look) -> String {
    let mut words = format!("look complete={} agent={:?}", look.complete, look.agent);
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
    pub(super) fn begin_look(&mut self, number: usize, request: LookRequest) {
        self.check_look_is_needed(number);
        self.answer_lost_look(number);
        let wall = self.wall(number);
        let now = self.now;
        let daemon = &mut self.daemons[number];
        daemon.looks += 1;
        let look = LookUnderWay {
            number: daemon.looks,
            request,
            stage: Stage::Status,
            began_true: now,
            began_at: wall,
            as_of: wall,
            agent: AgentState::Unknown,
            consistent: true,
            first_page: Vec::new(),
            total: None,
            found: Vec::new(),
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

    /// The next request of a look reaches the agent.
    pub(super) fn look_step(&mut self, number: usize, look_number: u64) {
        let stale = self.daemons[number].look.as_ref().is_none_or(|l| l.number != look_number);
        if stale || self.mutation == Some(Mutation::LooksUnanswered) {
            return;
        }
        let Some(mut look) = self.daemons[number].look.take() else { return };
        let asked = self.wall(number);
        let (after, next) = self.ask(number, &mut look);
        look.as_of = asked;
        match next {
            Ok(Some(stage)) => {
                look.stage = stage;
                self.daemons[number].look = Some(look);
                self.schedule_look(number, after);
            }
            Ok(None) => self.end_look(number, after, Ok(look)),
            // Pages that were read prove presence, whatever becomes of the others.
            Err(_) if matches!(look.stage, Stage::Page(2..) | Stage::Again) => {
                look.consistent = false;
                self.end_look(number, after, Ok(look));
            }
            Err(failure) => self.end_look(number, after, Err(failure)),
        }
    }

    /// Makes the request of this stage: when its answer is there, and what is asked next.
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
                    Some(if known { Stage::Page(1) } else { Stage::User })
                });
                (after, next)
            }
            Stage::User => {
                let reply = self.world.user(&self.daemons[number].token, now);
                let (after, answer) = convert::within(reply.outcome, reply.after, patience);
                self.daemons[number].knows_user |= answer.is_ok();
                (after, answer.map(|_| Some(Stage::Page(1))))
            }
            Stage::Page(page) => {
                let reply = self.get_page(number, page);
                let (after, answer) = convert::within(reply.outcome, reply.after, patience);
                let next = answer.map(|list| self.read_page(look, page, list.records, list.total));
                (after, next)
            }
            Stage::Again => {
                let reply = self.get_page(number, 1);
                let (after, answer) = convert::within(reply.outcome, reply.after, patience);
                let next = answer.map(|list| {
                    let same = list.records == look.first_page && Some(list.total) == look.total;
                    if look.consistent && !same {
                        self.count("list_shifted");
                    }
                    look.consistent &= same;
                    None
                });
                (after, next)
            }
        }
    }

    fn get_page(
        &mut self,
        number: usize,
        page: usize,
    ) -> crate::sim::world::Reply<crate::sim::world::ListPage> {
        let query = ListQuery { page, page_size: self.plan.page_size, ..ListQuery::default() };
        self.world.get_all(&self.daemons[number].token, query, self.now)
    }

    /// Takes a page in, and says what is to be read next.
    fn read_page(
        &mut self,
        look: &mut LookUnderWay,
        page: usize,
        records: Vec<Listed>,
        total: usize,
    ) -> Option<Stage> {
        let same = look.total.replace(total).is_none_or(|before| before == total);
        if look.consistent && !same {
            self.count("list_shifted");
        }
        look.consistent &= same;
        if page > 1 && self.chance.happens(self.hazards.total_wavers) {
            self.count("total_wavered");
            look.consistent = false;
        }
        let mut deep_enough = records.len() < self.plan.page_size;
        let asked = &look.request;
        for listed in &records {
            deep_enough |= listed.requested_at < asked.since;
            // All else is dropped at the edge; what is not wanted need not be asked for first.
            let wanted = asked.fingerprints.contains(&listed.fingerprint)
                || asked.fingerprints.contains(&listed.loose_fingerprint)
                || asked.transfers.contains(&listed.id);
            if !wanted {
                continue;
            }
            let Some(found) = self.world.transfer(listed.id) else { continue };
            let record = convert::transfer(&self.world, found, self.now);
            match look.found.binary_search_by_key(&listed.id, |before| before.id) {
                Ok(at) => look.found[at] = record,
                Err(at) => look.found.insert(at, record),
            }
        }
        if page == 1 {
            look.first_page = records;
        }
        if !deep_enough && page < PAGES_MAX {
            return Some(Stage::Page(page + 1));
        }
        (page > 1).then_some(Stage::Again)
    }

    fn end_look(
        &mut self,
        number: usize,
        after: SignedDuration,
        look: Result<Box<LookUnderWay>, LookFailure>,
    ) {
        let order = Order::OfLook(self.daemons[number].looks);
        let input = Input::Looked(self.result_of(number, look));
        self.deliver_look(number, after, order, input);
    }

    /// The engine has given up a look that is still under way: its answer may come yet, when the
    /// engine has asked again.
    fn answer_lost_look(&mut self, number: usize) {
        let Some(mut lost) = self.daemons[number].look.take() else { return };
        if !self.chance.happens(self.hazards.lost_looks_answered) {
            return;
        }
        self.count("look_answered_late");
        lost.consistent = false;
        let lost = if self.chance.happens(0.5) {
            Ok(lost)
        } else {
            Err(LookFailure::Unreachable("timed out".to_owned()))
        };
        let input = Input::Looked(self.result_of(number, lost));
        self.deliver_look(number, SignedDuration::ZERO, Order::Any, input);
    }

    fn deliver_look(&mut self, number: usize, after: SignedDuration, order: Order, input: Input) {
        let incarnation = self.daemons[number].incarnation;
        let at = self.now + after + self.chance.span(self.hazards.latency);
        let answer = Box::new(Answer { order, input });
        self.schedule(at, Event::Answer { number, incarnation, answer });
    }

    /// What the engine is told of a look.
    fn result_of(
        &mut self,
        number: usize,
        look: Result<Box<LookUnderWay>, LookFailure>,
    ) -> Result<Look, LookFailure> {
        let wall = self.wall(number);
        let variants = self.world.options().variants;
        let skew = self.world.options().clock_skew - self.daemons[number].wall;
        let daemon = &mut self.daemons[number];
        look.map(|look| {
            let complete = look.consistent && look.agent.may_work();
            if complete {
                daemon.ground_began = look.began_true;
            }
            let mut look = Look {
                began_at: look.began_at,
                as_of: look.as_of,
                complete,
                agent: look.agent,
                user: (!variants.no_user_id && daemon.knows_user).then_some(daemon.user),
                clock_offset: (!variants.no_date_header)
                    .then(|| SignedDuration::from_secs(skew.as_secs())),
                transfers: look.found,
            };
            if let Some(mutation) = self.mutation {
                mutation.look(&mut look, wall);
            }
            look
        })
    }
}
