//! Deliberate mistakes, made between the engine and its surroundings, which prove that the checkers
//! notice them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::alert::{Occasion, QueuedAlert};
use transferd_engine::ids::AlertId;
use transferd_engine::input::Effect;
use transferd_engine::job::{AlertEvent, Job, JobSet, Terms};
use transferd_engine::reason::SkipReason;
use transferd_engine::record::{Record, Snapshot};
use transferd_engine::run::{Phase, RunState};
use transferd_engine::transfer::{Look, Refusal, SubmitAnswer, TransferStatus};

use super::check::Checker;

macro_rules! mutations {
    ($($(#[$doc:meta])* $name:ident $checker:ident,)*) => {
        /// A deliberate mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutation { $($(#[$doc])* $name,)* }

        impl Mutation {
            /// All of them.
            pub const ALL: &'static [Mutation] = &[$(Self::$name,)*];

            /// The checker that should catch it; others may be faster.
            pub fn meant_for(self) -> Checker {
                match self { $(Self::$name => Checker::$checker,)* }
            }
        }
    };
}

mutations! {
    /// A restart takes every occurrence up to now for dealt with.
    MarksJumpAhead Occurrences,
    /// A restart forgets runs that wait.
    WaitingRunsForgotten Occurrences,
    /// Skips are not recorded.
    SkipsNotRecorded Occurrences,
    /// Occurrences are skipped as missed although they come in time.
    SkippedForNothing Decisions,
    /// Occurrences are recorded for a second before they are due.
    DueASecondBefore Decisions,
    /// Nothing is known of the past when something is wanted again.
    PastForgotten Decisions,
    /// Repeated runs go elsewhere.
    RetriesGoElsewhere Decisions,
    /// A transfer that is over passes for one that has ended just now.
    EndedJustNow Decisions,
    /// Every POST is sent twice.
    SubmitsTwice OneTransfer,
    /// A lost answer is taken for a request that was never sent.
    LostMeansNotSent OneTransfer,
    /// A 200 is taken for a request that was never sent.
    AcceptedMeansNotSent OneTransfer,
    /// Looks show nothing and call themselves complete.
    LooksAreBlind OneTransfer,
    /// Records of other users pass for ours.
    UsersNotAsked Foreign,
    /// Records of syncs and of the agent's own repeats pass for plain ones.
    KindsNotAsked Foreign,
    /// All records pass for requested just now, and the look before a request may miss the old.
    DatesNotAsked Foreign,
    /// Timeouts are ten times as long.
    TimeoutsTenfold Timeouts,
    /// Cancels are not sent.
    CancelsDropped Timeouts,
    /// Cancels are sent for another transfer.
    CancelsMisdirected Timeouts,
    /// `max_active` is not kept.
    SlotsUnlimited Limits,
    /// `exclusive` is not kept.
    NothingExclusive Limits,
    /// A transfer that is seen Running passes for Completed.
    RunningIsCompleted Limits,
    /// An end of a transfer is never seen.
    EndsNotSeen Occurrences,
    /// Looks are never answered.
    LooksUnanswered Occurrences,
    /// Looks are made though there is nothing to look for.
    LooksWithoutNeed Idle,
    /// The agent is started without the job file's consent.
    StartsUnasked Idle,
    /// Requests that were given up are looked for without end.
    WatchedForEver Idle,
    /// The engine is not told that its time has come.
    TimeNotTold Idle,
    /// Attempts are not committed.
    IntentsNotRecorded Intent,
    /// Effects are performed although the commit failed.
    ActsOnFailedCommit Intent,
    /// Requests are sent before the commit.
    ActsBeforeCommit Intent,
    /// Error passes for Completed.
    ErrorIsSuccess Truth,
    /// Canceled passes for Completed.
    CanceledIsSuccess Truth,
    /// Failed objects are left out of what a transfer counts.
    FailedObjectsUncounted Truth,
    /// The agent's history reports that access is denied, whatever the cause.
    CausesInvented Truth,
    /// Alerts are not recorded.
    AlertsNotRecorded Alerts,
    /// Alerts are recorded twice, under two ids.
    AlertsDoubled Alerts,
    /// Whatever the end, a success is reported.
    EndsToldAsSuccess Alerts,
}

impl Mutation {
    /// Changes a job set before the engine gets it.
    pub(super) fn set(self, set: &Arc<JobSet>) -> Arc<JobSet> {
        let mut changed = JobSet::clone(set);
        if self == Self::SlotsUnlimited {
            changed.agent.max_active = 1_000;
        }
        changed.agent.start |= self == Self::StartsUnasked;
        for job in changed.jobs.values_mut() {
            let mut terms = Terms::clone(&job.terms);
            match self {
                Self::TimeoutsTenfold => terms.timeout *= 10,
                Self::NothingExclusive => terms.exclusive = false,
                _ => continue,
            }
            *job = Arc::new(Job { terms: Arc::new(terms), ..Job::clone(job) });
        }
        Arc::new(changed)
    }

    /// Changes the rows before the engine is rebuilt from them.
    pub(super) fn durable(self, snapshot: &mut Snapshot, now: Timestamp) {
        match self {
            Self::MarksJumpAhead => {
                for job_row in &mut snapshot.job_rows {
                    let job_row = Arc::make_mut(job_row);
                    job_row.handled = job_row.handled.max(now);
                }
            }
            Self::WaitingRunsForgotten => {
                snapshot.runs.retain(|run| run.state != RunState::Waiting);
                let kept: Vec<_> = snapshot.runs.iter().map(|run| run.id).collect();
                snapshot.attempts.retain(|attempt| kept.contains(&attempt.id.run));
            }
            _ => {}
        }
    }

    /// Changes the records of a commit.
    pub(super) fn records(self, records: &mut Vec<Record>) {
        match self {
            Self::SkipsNotRecorded => {
                let skipped: Vec<_> = records
                    .iter()
                    .filter_map(|record| match record {
                        Record::Run { was: None, run } if run.state == RunState::Skipped => {
                            Some(run.id)
                        }
                        _ => None,
                    })
                    .collect();
                records.retain(|record| match record {
                    Record::Run { run, .. } => !skipped.contains(&run.id),
                    Record::Event(event) => !skipped.contains(&event.run),
                    Record::AlertQueued(alert) => {
                        alert.run.is_none_or(|run| !skipped.contains(&run))
                    }
                    Record::Attempt(_)
                    | Record::Job(_)
                    | Record::AgentFacts(_)
                    | Record::AlertGone(_)
                    | Record::PauseOfAll(_)
                    | Record::Reported(_) => true,
                });
            }
            Self::SkippedForNothing | Self::DueASecondBefore => {
                for record in records {
                    if let Record::Run { was: None, run } = record
                        && run.state == RunState::Waiting
                        && let Some(at) = run.scheduled_for
                    {
                        let run = Arc::make_mut(run);
                        if self == Self::SkippedForNothing {
                            (run.state, run.ended_at) = (RunState::Skipped, Some(run.created_at));
                            run.reason = SkipReason::CatchUpNone.into();
                        } else {
                            run.scheduled_for = Some(at - SignedDuration::from_secs(1));
                        }
                    }
                }
            }
            Self::RetriesGoElsewhere => {
                for record in records {
                    if let Record::Run { was: None, run } = record
                        && run.retry_of.is_some()
                    {
                        Arc::make_mut(run).request.destination.path.push_str("elsewhere/");
                    }
                }
            }
            Self::AlertsNotRecorded => {
                records.retain(|record| !matches!(record, Record::AlertQueued(_)));
            }
            Self::AlertsDoubled => {
                let copies: Vec<_> = records.iter().filter_map(doubled).collect();
                records.extend(copies);
            }
            Self::EndsToldAsSuccess => {
                for record in records {
                    if let Record::AlertQueued(alert) = record {
                        Arc::make_mut(alert).occasion = Occasion::Event(AlertEvent::Succeeded);
                    }
                }
            }
            Self::IntentsNotRecorded => records.retain(
                |record| !matches!(record, Record::Attempt(row) if row.phase == Phase::Intent),
            ),
            _ => {}
        }
    }

    /// Changes the effects.
    pub(super) fn effects(self, effects: &mut Vec<Effect>) {
        match self {
            Self::SubmitsTwice => {
                let again: Vec<_> = effects
                    .iter()
                    .filter(|effect| matches!(effect, Effect::Submit { .. }))
                    .cloned()
                    .collect();
                effects.extend(again);
            }
            Self::CancelsDropped => {
                effects.retain(|effect| !matches!(effect, Effect::Cancel { .. }));
            }
            Self::CancelsMisdirected => {
                for effect in effects {
                    if let Effect::Cancel { transfer } = effect {
                        *transfer = transferd_engine::ids::TransferId(uuid::Uuid::nil());
                    }
                }
            }
            _ => {}
        }
    }

    /// Changes the answer to a POST.
    pub(super) fn answer(self, answer: SubmitAnswer) -> SubmitAnswer {
        match (self, answer) {
            (
                Self::LostMeansNotSent,
                SubmitAnswer::Uncertain(words) | SubmitAnswer::Unclear(words),
            ) => SubmitAnswer::Refused(Refusal::NotSent(words)),
            (Self::AcceptedMeansNotSent, SubmitAnswer::Accepted) => {
                SubmitAnswer::Refused(Refusal::NotSent("never sent".to_owned()))
            }
            (_, answer) => answer,
        }
    }

    /// Changes the content of a look.
    pub(super) fn look(self, look: &mut Look, now: Timestamp) {
        if self == Self::DatesNotAsked && now.as_second() % 2 == 0 {
            let new = now - SignedDuration::from_mins(2);
            look.transfers.retain(|record| record.requested_at.is_some_and(|at| at >= new));
        }
        for record in &mut look.transfers {
            match self {
                Self::UsersNotAsked => record.user = look.user,
                Self::KindsNotAsked => {
                    record.of_sync = false;
                    record.of_retry_batch = false;
                    record.kind = Some(1);
                }
                Self::DatesNotAsked => record.requested_at = Some(now),
                Self::EndedJustNow if record.status.is_terminal() => record.ended_at = Some(now),
                Self::RunningIsCompleted if record.status == TransferStatus::Running => {
                    record.status = TransferStatus::Completed;
                }
                Self::EndsNotSeen if record.status.is_terminal() => {
                    record.status = TransferStatus::Running;
                }
                Self::ErrorIsSuccess if record.status == TransferStatus::Error => {
                    record.status = TransferStatus::Completed;
                }
                Self::CanceledIsSuccess if record.status == TransferStatus::Canceled => {
                    record.status = TransferStatus::Completed;
                }
                Self::FailedObjectsUncounted => {
                    // Nor in the total: missing objects are an end of their own.
                    let progress = &mut record.progress;
                    progress.objects_total -= progress.objects_failed.min(progress.objects_total);
                    progress.objects_failed = 0;
                }
                _ => {}
            }
        }
        if self == Self::LooksAreBlind {
            look.transfers.clear();
            look.incomplete = None;
        }
    }
}

/// An alert's record under another id.
fn doubled(record: &Record) -> Option<Record> {
    let Record::AlertQueued(alert) = record else { return None };
    let id = AlertId(uuid::Uuid::from_u128(!alert.id.0.as_u128()));
    Some(Record::AlertQueued(Arc::new(QueuedAlert { id, ..(**alert).clone() })))
}
