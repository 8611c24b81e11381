//! Random events that strike a daemon and its machine.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use transferd_engine::ids::{JobName, RunId};
use transferd_engine::input::{Input, OperatorRequest, ReplyTo};
use transferd_engine::record::Pause;

use super::daemon::Daemon;
use super::simulation::{Event, Observer, Simulation};

/// A step of a daemon's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockStep {
    /// When, in true time.
    pub(super) at: Timestamp,
    /// By how much.
    pub(super) by: SignedDuration,
    /// An engine that could be recorded got it.
    pub(super) told: bool,
    /// No process was running to see it.
    pub(super) unseen: bool,
}

/// A random event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Crash,
    DiskFull,
    DiskFree,
    Suspend,
    Resume,
    ClockStep,
    Reload,
    Operator,
    Repeat,
    TokenGone,
    TokenBack,
}

impl Daemon {
    /// The sum of the clock's steps since then, in either direction.
    pub(super) fn stepped_since(&self, at: Timestamp) -> SignedDuration {
        self.steps.iter().rev().take_while(|step| step.at >= at).map(|step| step.by.abs()).sum()
    }

    /// The same, for steps that no process was running to see.
    pub(super) fn stepped_unseen_since(&self, at: Timestamp) -> SignedDuration {
        let since = self.steps.iter().rev().take_while(|step| step.at >= at);
        since.filter(|step| step.unseen).map(|step| step.by.abs()).sum()
    }

    /// How long its machine slept since then. Requests from before may be answered only after.
    pub(super) fn slept_since(&self, at: Timestamp) -> SignedDuration {
        let sleeps = self.sleeps.iter().rev().take_while(|(_, until)| *until >= at);
        sleeps.map(|(from, until)| until.duration_since(*from.max(&at))).sum()
    }
}

impl<O: Observer> Simulation<O> {
    /// Plans the first event of every kind.
    pub(super) fn arm_all(&mut self, number: usize) {
        for happening in [
            Happening::Crash,
            Happening::DiskFull,
            Happening::Suspend,
            Happening::ClockStep,
            Happening::Reload,
            Happening::Operator,
            Happening::TokenGone,
            Happening::Repeat,
        ] {
            self.arm(number, happening);
        }
    }

    fn arm(&mut self, number: usize, happening: Happening) {
        let every = match happening {
            Happening::Crash => self.hazards.crash_every,
            Happening::DiskFull => self.hazards.disk_full_every,
            Happening::Suspend => self.hazards.suspend_every,
            Happening::ClockStep => self.hazards.clock_step_every,
            Happening::Reload => self.hazards.reload_every,
            Happening::Operator => self.hazards.operator_every,
            Happening::Repeat => self.hazards.repeat_every,
            Happening::TokenGone => self.hazards.token_every,
            Happening::DiskFree | Happening::Resume | Happening::TokenBack => None,
        };
        if let Some(mean) = every {
            let at = self.now + self.chance.wait(mean);
            self.schedule(at, Event::Happens { number, happening });
        }
    }

    /// Carries out an event.
    pub(super) fn happens(&mut self, number: usize, happening: Happening) {
        self.trace.line(self.now, || format!("[{number}] {happening:?}"));
        self.arm(number, happening);
        match happening {
            Happening::Crash => {
                self.count("crash");
                self.crash(number);
            }
            Happening::DiskFull => {
                self.count("disk_full");
                let until = self.now + self.chance.span(self.hazards.disk_full_for);
                self.daemons[number].disk_full_until = Some(until);
                self.schedule(until, Event::Happens { number, happening: Happening::DiskFree });
            }
            Happening::DiskFree => self.daemons[number].disk_full_until = None,
            // A machine that sleeps already is not put to sleep again, and so is not woken too
            // early.
            Happening::Suspend if self.daemons[number].suspended_until.is_some() => {}
            Happening::Suspend => {
                self.count("suspend");
                let sleep = self.chance.span(self.hazards.suspend_for);
                if sleep >= SignedDuration::from_hours(1) {
                    self.count("suspend_for_hours");
                }
                let until = self.now + sleep;
                self.daemons[number].suspended_until = Some(until);
                self.daemons[number].sleeps.push((self.now, until));
                self.daemons[number].up_since = None;
                self.schedule(until, Event::Happens { number, happening: Happening::Resume });
            }
            Happening::Resume => self.wake_machine(number),
            Happening::ClockStep => self.step_clock(number),
            Happening::Reload => self.reload(number),
            Happening::Operator => self.operator(number),
            Happening::Repeat => self.repeat(number),
            Happening::TokenGone => {
                self.count("token_gone");
                let token = self.daemons[number].token.clone();
                self.world.revoke_token(&token);
                let back = self.now + self.chance.span(self.hazards.token_away_for);
                self.schedule(back, Event::Happens { number, happening: Happening::TokenBack });
            }
            Happening::TokenBack => self.restore_token(number),
        }
    }

    pub(super) fn restore_token(&mut self, number: usize) {
        let (token, user) = (self.daemons[number].token.clone(), self.daemons[number].user);
        self.world.add_token(&token, user, None);
        if self.chance.happens(0.5) {
            self.feed_if_awake(number, Input::TokenChanged);
        }
    }

    pub(super) fn wake_machine(&mut self, number: usize) {
        if let Some(until) = self.daemons[number].suspended_until.take() {
            self.bring_forward(number, until);
            if let Some(sleep) = self.daemons[number].sleeps.last_mut() {
                sleep.1 = self.now;
            }
            self.jumped(number);
            let now = self.now;
            let daemon = &mut self.daemons[number];
            daemon.up_since = daemon.is_up().then_some(now);
            self.report_unreported_step(number);
        }
    }

    /// Events that waited for the machine to wake up do not wait longer than that.
    fn bring_forward(&mut self, number: usize, until: Timestamp) {
        let waited = |event: &Event| match event {
            Event::Start { number: of }
            | Event::Turn { number: of, .. }
            | Event::FileChanged { number: of }
            | Event::Answer { number: of, .. }
            | Event::LookStep { number: of, .. } => *of == number,
            Event::Arrive { .. }
            | Event::Happens { .. }
            | Event::AgentBecomes(_)
            | Event::Quiet
            | Event::NoJobs => false,
        };
        let held = self.queue.range((until, 0)..=(until, u64::MAX));
        let held: Vec<_> = held.filter(|(_, event)| waited(event)).map(|(key, _)| *key).collect();
        for key in held {
            if let Some(event) = self.queue.remove(&key) {
                self.schedule(self.now, event);
            }
        }
    }

    /// Notes that time has jumped ahead for a daemon.
    fn jumped(&mut self, number: usize) {
        let wall = self.wall(number);
        let daemon = &mut self.daemons[number];
        daemon.expectations.jumped(daemon.processed, wall);
    }

    /// Reports steps that could not be reported when they were made.
    pub(super) fn report_unreported_step(&mut self, number: usize) {
        let by = std::mem::take(&mut self.daemons[number].unreported_step);
        if !by.is_zero() {
            self.stepped(number, by);
        }
    }

    /// Reports a step. One forward skips occurrences, which were not missed, and may thereby end
    /// pauses.
    fn stepped(&mut self, number: usize, by: SignedDuration) {
        let wall = self.wall(number);
        let before = (wall - by).min(self.daemons[number].processed);
        let passes_over = by.is_positive();
        if passes_over {
            self.daemons[number].expectations.stepped(before, wall);
        }
        self.feed_if_awake(number, Input::ClockStepped { by });
        if passes_over {
            self.daemons[number].expectations.stepped(before, wall);
        }
    }

    fn feed_if_awake(&mut self, number: usize, input: Input) {
        let daemon = &self.daemons[number];
        if daemon.suspended_until.is_none() && daemon.event_loop.is_some() {
            self.feed(number, input);
        }
    }

    fn step_clock(&mut self, number: usize) {
        let by = self.chance.span(self.hazards.clock_step_by);
        // Back and forth, so that the clock is never further off than one step.
        let wall = self.daemons[number].wall;
        let forward = wall.is_negative() || (wall.is_zero() && self.chance.happens(0.5));
        let by = if forward { by } else { -by };
        self.count(if forward { "clock_forward" } else { "clock_back" });
        // The agent on the same machine sees the same step.
        if self.plan.agents_machine == Some(number)
            && self.chance.happens(self.hazards.agent_clock_follows)
        {
            self.count("clock_set_at_the_agent");
            self.world.step_clock(by);
        }
        let daemon = &mut self.daemons[number];
        daemon.wall += by;
        daemon.note_wakeup();
        let unseen = !daemon.alive;
        let sleeps = daemon.suspended_until.is_some();
        daemon.steps.push(ClockStep { at: self.now, by, told: false, unseen });
        if unseen {
            self.count("clock_set_unseen");
        } else if sleeps {
            // The driver compares clocks, and finds the step when it can.
            daemon.unreported_step += by;
        }
        self.trace.line(self.now, || format!("[{number}] clock is set by {by:?}"));
        self.jumped(number);
        if !unseen && !sleeps {
            self.stepped(number, by);
        }
    }

    fn operator(&mut self, number: usize) {
        let names: Vec<JobName> = self.daemons[number].fed.jobs.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        let job = names[self.chance.below(names.len())].clone();
        let request = match self.chance.below(6) {
            0 | 1 => OperatorRequest::Trigger { job, run: RunId(self.chance_uuid()) },
            2 => OperatorRequest::CancelJob(job),
            3 => {
                let runs: Vec<RunId> = self.daemons[number].unfinished.iter().copied().collect();
                if runs.is_empty() {
                    return;
                }
                OperatorRequest::CancelRun(runs[self.chance.below(runs.len())])
            }
            4 => {
                let at = self.wall(number);
                let until = self.chance.happens(0.5).then(|| {
                    at + SignedDuration::from_mins(
                        1 + i64::try_from(self.chance.below(120)).unwrap_or(0),
                    )
                });
                OperatorRequest::Pause { job, pause: Pause { at, until, reason: None } }
            }
            _ => OperatorRequest::Resume(job),
        };
        self.count(match &request {
            OperatorRequest::Trigger { .. } => "operator_triggers",
            // Requested elsewhere.
            OperatorRequest::Repeat(_) | OperatorRequest::Backfill(_) => return,
            OperatorRequest::CancelRun(_) | OperatorRequest::CancelJob(_) => "operator_cancels",
            OperatorRequest::Pause { .. } | OperatorRequest::PauseAll(_) => "operator_pauses",
            OperatorRequest::Resume(_) | OperatorRequest::ResumeAll => "operator_resumes",
        });
        let awake = self.daemons[number].suspended_until.is_none();
        if awake && self.daemons[number].event_loop.is_some() {
            let replies = self.daemons[number].replies;
            self.feed(number, Input::Operator { reply: ReplyTo(replies), request, by: None });
        }
    }

    fn chance_uuid(&mut self) -> Uuid {
        self.chance.uuid()
    }
}
