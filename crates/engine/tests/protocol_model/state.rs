//! The model's state: the daemon's rows, its observations, and the agent's truth.
//!
//! Time is a small number of ticks. Attempts and records are identified by their position. Fields
//! marked *ghost* are known to the checks alone: no rule may read them.

/// A point in time, or a span.
pub(crate) type Tick = u8;

/// A set of records, by position.
pub(crate) type Bits = u8;

/// One state of daemon, network and agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The time.
    pub(crate) now: Tick,
    /// The daemon is up.
    pub(crate) up: bool,
    /// The content of the complete look that a POST may rely on. Gone with the next tick.
    pub(crate) fresh: Option<Bits>,
    /// There was a complete look since the last tick.
    pub(crate) looked: bool,
    /// The runs of the daemon.
    pub(crate) runs: Vec<Run>,
    /// Their attempts.
    pub(crate) attempts: Vec<Attempt>,
    /// Everything at the agent.
    pub(crate) records: Vec<Transfer>,
    /// The faults that are left.
    pub(crate) left: Faults,
}

/// One execution of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// Its state.
    pub(crate) state: RunState,
    /// The attempt that decides.
    pub(crate) follows: Option<u8>,
    /// The wish to cancel it.
    pub(crate) wish: Option<Cause>,
    /// Ghost: the operator has canceled it.
    pub(crate) unwanted: bool,
}

impl Run {
    /// A new run.
    pub(crate) fn waiting() -> Self {
        Self { state: RunState::Waiting, follows: None, wish: None, unwanted: false }
    }
}

/// The states of the contract, as far as they differ here: back-off is waiting; submitting, queued
/// and running are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RunState {
    Waiting,
    Asked,
    Canceling,
    Over(End),
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Succeeded,
    Failed,
    TimedOut,
    Canceled,
}

/// Why something is to be canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    Operator,
    Timeout,
    Double,
}

/// The known state of an attempt's POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Intent,
    Accepted,
    Refused,
    Uncertain,
    GivenUp,
    Closed,
}

impl Phase {
    /// True while a transfer of the attempt may exist that is not known to be over.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::Intent | Self::Accepted | Self::Uncertain | Self::GivenUp => true,
            Self::Refused | Self::Closed => false,
        }
    }
}

/// One attempt, with everything that the protocol makes durable, and a little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    /// Its run.
    pub(crate) run: u8,
    /// The known state of its POST.
    pub(crate) phase: Phase,
    /// When it was committed: `not_before`.
    pub(crate) sent: Tick,
    /// `not_after`; none while the answer is awaited.
    pub(crate) until: Option<Tick>,
    /// Records with the same places that the look before it had listed.
    pub(crate) baseline: Bits,
    /// The record that it owns.
    pub(crate) transfer: Option<u8>,
    /// It uses up one of the run's attempts.
    pub(crate) counts: bool,
    /// Our own crash made it uncertain.
    pub(crate) own_crash: bool,
    /// The wish to cancel its transfer.
    pub(crate) wish: Option<Cause>,
    /// More records fit than attempts could own.
    pub(crate) ambiguous: bool,
    /// Given up while it was not known whether it was accepted.
    pub(crate) doubtful: bool,
    /// Observed, not durable: the look before it listed one like it that was at work.
    pub(crate) explained: bool,
    /// Given up: job and destination stay taken, until then at least.
    pub(crate) holds_until: Option<Tick>,
    /// Given up: the time until which it is watched for.
    pub(crate) watched_until: Tick,
    /// Its transfer was seen Completed.
    pub(crate) completed: bool,
    /// Observed, not durable: the last complete look that did not show it.
    pub(crate) absent_at: Option<Tick>,
    /// Observed, not durable: for how long complete looks have not shown it.
    pub(crate) absent_for: Tick,
    /// Observed, not durable: when the first look after its POST was answered.
    pub(crate) answered_look: Option<Tick>,
    /// Observed, not durable: its answer is lost, and a look has shown a record that is new, and its
    /// own but for a date up to which the agent answered nothing.
    pub(crate) near_miss: bool,
    /// For the promises alone; the daemon does not know it: complete looks over the window have once
    /// not shown it.
    pub(crate) searched: bool,
    /// Observed, not durable: the fate of the last cancel request.
    pub(crate) request: Request,
    /// The network: the fate of the POST.
    pub(crate) wire: Wire,
    /// Ghost: its 200 has reached the daemon.
    pub(crate) answered: bool,
    /// Ghost: it was given up for good reasons while its record was in and hidden.
    pub(crate) residue: bool,
    /// Ghost: the record that it owns is our own user's from elsewhere, and evidence can't tell.
    pub(crate) stranger: bool,
}

impl Attempt {
    /// Rule 10: absence counts from the wish on.
    pub(crate) fn wish_for(&mut self, cause: Cause) {
        if self.wish.is_none() {
            self.wish = Some(cause);
            self.absent_at = None;
            self.absent_for = 0;
        }
    }
}

/// A cancel request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    /// None was sent since the last tick.
    None,
    /// Under way.
    Sent,
    /// Answered, or lost.
    Done,
}

/// A POST on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    /// Committed and not sent.
    Ready,
    /// The agent has it; the 200 is on its way.
    Arrived,
    /// The connection died before the agent read it.
    Dropped,
    /// The connection died, and the agent will read it yet.
    Late,
    /// Everything of it has happened.
    Done,
}

/// One transfer at the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transfer {
    /// Its origin. Ghost, except for the user.
    pub(crate) origin: Origin,
    /// Its places: the fingerprint.
    pub(crate) place: u8,
    /// `requestDate`, by the agent's clock.
    pub(crate) date: Tick,
    /// Ghost: when it was queued, by our clock.
    pub(crate) queued: Tick,
    /// Since when it is listed.
    pub(crate) listed: Option<Tick>,
    /// Its status.
    pub(crate) status: Status,
}

/// The origin of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// This daemon, by this attempt.
    Ours(u8),
    /// Our own Amove user, elsewhere.
    OurUser,
    /// Somebody else.
    OtherUser,
}

/// A transfer's status. The two ways to be Canceled look the same to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Running,
    Paused,
    Completed,
    Error,
    CanceledByUs,
    CanceledByPerson,
    /// Gone from the list, and from the agent.
    Vanished,
}

impl Status {
    /// True while it writes, or may go on to.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// True when the agent will not change it any more.
    pub(crate) fn is_over(self) -> bool {
        self == Self::Completed || self.is_failure()
    }

    /// True when it has ended, and not successfully.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::CanceledByUs | Self::CanceledByPerson)
    }
}

/// How often each fault may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// The daemon dies.
    pub(crate) crashes: u8,
    /// Ticks without a complete look, though one is needed.
    pub(crate) outages: u8,
    /// The answer to a POST is lost, after acceptance or before; or the POST is processed late.
    pub(crate) answers: u8,
    /// The agent can't be reached: the POST is never sent.
    pub(crate) refusals: u8,
    /// Cancel requests are lost.
    pub(crate) cancels: u8,
    /// Transfers end in Error.
    pub(crate) errors: u8,
    /// Records vanish.
    pub(crate) vanishing: u8,
    /// A person pauses a transfer, or cancels it in the desktop app.
    pub(crate) people: u8,
    /// The operator cancels a run.
    pub(crate) operator: u8,
    /// Another user starts a transfer between the same places.
    pub(crate) others: u8,
    /// Our own user starts one elsewhere.
    pub(crate) elsewhere: u8,
    /// A frame reports that a POST was carried out, truly or not.
    pub(crate) receipts: u8,
    /// The operator requests a run that repeats another.
    pub(crate) repeats: u8,
    /// A POST like a transfer that is at work is refused as a DUPLICATE.
    pub(crate) duplicates: u8,
}

impl Faults {
    /// The number of faults in all.
    pub(crate) fn total(&self) -> u8 {
        let Self {
            crashes,
            outages,
            answers,
            refusals,
            cancels,
            errors,
            vanishing,
            people,
            operator,
            others,
            elsewhere,
            receipts,
            repeats,
            duplicates,
        } = *self;
        crashes
            + outages
            + answers
            + refusals
            + cancels
            + errors
            + vanishing
            + people
            + operator
            + others
            + elsewhere
            + receipts
            + repeats
            + duplicates
    }
}

/// The relation of the second run to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// There is none.
    None,
    /// The next run of the same job.
    SameJob,
    /// Another job's, between the same places, `exclusive: false`.
    SamePlaces,
    /// Another job's, with an overlapping destination.
    Overlapping,
}

/// One configuration: the runs, the speed of the agent, the faults.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// For the report.
    pub(crate) name: &'static str,
    /// Its second run.
    pub(crate) second: Second,
    /// `retry.max_attempts`.
    pub(crate) max_attempts: u8,
    /// For how long a queued transfer may be hidden from the list.
    pub(crate) hides: Tick,
    /// How far the agent's clock is ahead.
    pub(crate) clock_ahead: Tick,
    /// How far the agent's dates are behind, while its `Date` header does not show it.
    pub(crate) dates_behind: Tick,
    /// The tolerance for it: two minutes.
    pub(crate) skew: Tick,
    /// `adopt_window`.
    pub(crate) window: Tick,
    /// `timeout`.
    pub(crate) timeout: Tick,
    /// For how long given-up attempts are watched for: a day.
    pub(crate) watch: Tick,
    /// The possible faults.
    pub(crate) faults: Faults,
}

/// How much later than it was sent a POST may be processed: `request_timeout` and 30 seconds.
pub(crate) const LATE: Tick = 1;

/// The first tick: later than any tolerance, so that dates are never negative.
pub(crate) const START: Tick = 3;

impl Bounds {
    /// The first state: all runs wait.
    pub(crate) fn start(&self) -> State {
        let runs = vec![Run::waiting(); self.planned()];
        State {
            now: START,
            up: true,
            fresh: None,
            looked: false,
            runs,
            attempts: Vec::new(),
            records: Vec::new(),
            left: self.faults,
        }
    }

    /// The number of runs before any is repeated.
    pub(crate) fn planned(&self) -> usize {
        if self.second == Second::None { 1 } else { 2 }
    }

    /// The places of a run: its fingerprint. One that repeats another has the first one's.
    pub(crate) fn place(&self, run: u8) -> u8 {
        u8::from(run == 1 && self.second == Second::Overlapping)
    }

    /// The job of a run.
    pub(crate) fn job(&self, run: u8) -> u8 {
        let other = match self.second {
            Second::None | Second::SameJob => false,
            Second::SamePlaces | Second::Overlapping => true,
        };
        u8::from(run == 1 && other)
    }

    /// True when two runs write to overlapping destinations, and one of them is exclusive.
    pub(crate) fn share_a_destination(&self) -> bool {
        self.second == Second::Overlapping
    }
}
