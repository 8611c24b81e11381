//! Every bound of the engine in one place, each with its reason.
//!
//! Adapters keep the bounds of whatever they talk to in their own `limits`; the bounds here limit
//! decisions.

use jiff::SignedDuration;

/// Tolerance between the agent's clock and ours when a record's `requestDate` is judged.
/// Two minutes is what an NTP-less workstation drifts in a month (protocol, rule 4).
pub const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// With `exclusive_user` dates are not evidence. A record that is this much older than the request
/// counts as one that was too old for a look to see: more than any zone's offset.
pub const EXCLUSIVE_DEPTH: SignedDuration = SignedDuration::from_hours(26);

/// How deep the look before a POST reads, so that every record that could later be taken for the
/// POST's transfer is in its baseline: a daylight saving hour either way, and as much again.
pub const BASELINE_DEPTH: SignedDuration = SignedDuration::from_hours(2);

/// How much later than `request_timeout` a request whose answer was lost may still be processed.
pub const LATE_PROCESSING: SignedDuration = SignedDuration::from_secs(30);

/// A POST may follow a complete look no older than this (protocol, rule 1).
pub const LOOK_FRESHNESS: SignedDuration = SignedDuration::from_secs(1);

/// The longest search for an uncertain transfer, however slow listings were.
pub const ADOPT_WINDOW_CAP: SignedDuration = SignedDuration::from_mins(15);

/// The factor by which that search takes longer while the agent counts transfers that it does not
/// list: what is withheld by mistake has time to appear, and an agent that always counts so holds
/// up no run for good.
pub const SHORT_LIST_FACTOR: i32 = 3;

/// The most that a gap between two complete looks adds to `adopt_window`, so that a machine that
/// was suspended does not mistake one look for hours of looking.
pub const COVERED_GAP: SignedDuration = SignedDuration::from_secs(90);

/// How much later than it is due a look may be made by a busy machine and still count in full.
pub const LOOK_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// Given-up attempts are looked for at least this long (docs/protocol.md, "Words").
pub const WATCH: SignedDuration = SignedDuration::from_hours(24);

/// A look that takes longer than this is ended as incomplete: its proof would be stale.
pub const LOOK_MAX: SignedDuration = SignedDuration::from_mins(2);

/// A look that has not returned after twice `request_timeout` and this is lost, as when the machine
/// slept meanwhile: the next one must not wait for it. More than any look may take.
pub const LOOK_LOST: SignedDuration = LOOK_MAX;

/// Looks that notifications cause are at least this far apart (docs/reference.md, "Agent").
pub const HINTED_LOOK_GAP: SignedDuration = SignedDuration::from_millis(250);

/// A record this much older than an accepted request is reported if it almost matches: an hour is
/// the effect of a wrong daylight saving setting.
pub const NEAR_MISS_DEPTH: SignedDuration = SignedDuration::from_hours(1);

/// The agent's page size if it ignores `pagesize` (docs/click-api.md, `get_all`).
pub const DEFAULT_PAGE_SIZE: u64 = 50;

/// Wanted records kept from one look. The engine wants dozens; an account full of copies between
/// the very same places must not fill the memory.
pub const WANTED_MAX: usize = 10_000;

/// Unknown values of `transferStatus` that are each logged once: an agent that makes them up must
/// fill neither the log nor the memory.
pub const UNKNOWN_STATUSES_MAX: usize = 32;

/// Consecutive incomplete looks that make an outage: runs wait, and the reason is reported. A list
/// that changed once while it was read is not news.
pub const INCOMPLETE_LOOKS_MAX: u32 = 2;

/// The longest gap between looks at a transfer in flight (docs/reference.md, "Agent").
pub const SLOWEST_LOOK: SignedDuration = SignedDuration::from_secs(60);

/// The longest gap between requests to an agent that does not answer while runs wait for it.
pub const AGENT_RETRY_CAP: SignedDuration = SignedDuration::from_secs(15);

/// A bad token is tried again this often, besides whenever its source changes (docs/reference.md,
/// "Runs").
pub const TOKEN_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// First and longest delay between two cancel requests for one transfer.
pub const CANCEL_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(2), SignedDuration::from_secs(60));

/// An occurrence handled later than this counts as missed, and is subject to `catch_up`.
pub const LATE_START: SignedDuration = SignedDuration::from_secs(60);

/// So does one that is later than this when the next one is due too. An engine that is only busy
/// handles each occurrence well within that.
pub const OVERTAKEN: SignedDuration = SignedDuration::from_secs(1);

/// The most runs that one backfill creates: three years of a nightly job, and a bound on the damage
/// of a typing error.
pub const BACKFILL_MAX: usize = 1_000;

/// The most occurrences that a backfill checks for a success: those of a week of minutes, which
/// takes a moment.
pub const OCCURRENCES_MAX: usize = 10_000;

/// The most waiting retries and backfills of one job: a backfill and another one after it.
pub const REPEATS_WAITING_MAX: usize = 2_000;

/// `catch_up: all` runs at most this many of the newest missed occurrences; as many missed ones are
/// recorded one by one.
pub const MISSED_MAX: usize = 100;

/// A transfer that ended at the agent this shortly before an occurrence still overlaps it: the
/// difference of the two clocks is not known better, as the agent reports its own in whole seconds.
pub const OVERLAP_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// A date this near to a request is taken to be of it, even if the agent does not report its clock:
/// from the commit to the record it takes no longer.
pub const DATE_IS_RIGHT: SignedDuration = SignedDuration::from_secs(5);

/// Nothing is queued while the agent's clock differs from ours by more than this: that is neither a
/// zone nor drift.
pub const AGENT_CLOCK_FAR: SignedDuration = SignedDuration::from_hours(24);

/// The largest step forward of the clock that skips occurrences which are still wanted: the latest
/// of each job runs at once. cron(8) draws the same line; beyond it the clock had been wrong, and
/// the skipped occurrences were never due.
pub const STEP_REACHES: SignedDuration = SignedDuration::from_hours(3);

/// The most stretches of the clock kept for a job in which all occurrences were handled. Each
/// outage with a missed occurrence makes one: a fortnight of them on a machine that is off at
/// night.
pub const STRETCHES_MAX: usize = 16;

/// Past pauses kept for a job: those that people still ask about.
pub const PAUSES_KEPT: usize = 16;

/// The most occurrences of a pause that are counted, some milliseconds' work.
pub const PAUSE_COUNT_MAX: u32 = 10_000;

/// How far ahead of the clock a recorded time may lie without a report: drift, and the rounding of
/// times computed from spans.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Transfers of closed attempts that are remembered as taken. A look's date window reaches back
/// hours at the most (a clock that was set), and a user queues far fewer in that time.
pub const SETTLED_MAX: usize = 4_096;

/// Progress of a run is written at most this often.
pub const PROGRESS_RECORD: SignedDuration = SignedDuration::from_secs(60);

/// The line of an alert is cut to this many bytes: pagers take about a thousand.
pub const ALERT_TEXT_MAX: usize = 900;

/// A place in that line is cut to this many bytes, so that two long ones leave room for the reason.
pub const PLACE_TEXT_MAX: usize = 120;

/// Words of the agent are cut to this many bytes before they enter a reason.
pub const WORDS_MAX: usize = 500;

/// A run that the agent has kept waiting for this long is reported (docs/reference.md, "Alerts").
pub const AGENT_DOWN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A cancel that the agent has not confirmed for this long is reported (docs/reference.md,
/// "Alerts").
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// First and longest delay between two requests to start an agent in which nobody has signed in
/// (docs/reference.md, "Agent"): a start takes seconds, and one that is refused for hours needs a
/// person.
pub const AGENT_START_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(30), SignedDuration::from_hours(1));

/// How long before its end a token is reported, and again at its end: over a weekend there is still
/// somebody to renew it.
pub const TOKEN_NOTICE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Messages in the outbox. A receiver that is away for days must not fill the disk, and nobody
/// reads the first of a thousand messages.
pub const OUTBOX_MAX: usize = 1_000;

/// Alerts delivered at once, of each entry one at most: a burst over many entries must not take the
/// connections and processes that runs need.
pub const DELIVERIES_MAX: usize = 4;

/// First and longest delay between two tries to deliver an alert: soon after a hiccup, and in an
/// outage of hours rarely enough for the receiver.
pub const ALERT_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(10), SignedDuration::from_hours(1));

/// Tries that come as soon as the receiver says: a receiver that says the same each time is in
/// trouble.
pub const ALERT_PROMPT_TRIES: u32 = 5;

/// An alert this old is given up when a try fails: it is not news any more.
pub const ALERT_STALE: SignedDuration = SignedDuration::from_hours(24);

/// The fewest tries of an alert, however old: the network may come back minutes after a machine
/// that was asleep.
pub const ALERT_TRIES_MIN: u32 = 5;

/// Refusals after which an alert is given up: one that would need another body or address holds up
/// those behind it.
pub const ALERT_REFUSALS_MAX: u32 = 3;

/// Jobs that a digest counts one by one: nobody reads more of them in a message.
pub const DIGEST_JOBS: usize = 50;

/// Jobs for which a digest says why they failed: with a sentence for each, some kilobytes.
pub const DIGEST_FAILURES: usize = 20;

/// Jobs that did not run, late jobs, and outages that a digest lists.
pub const DIGEST_LISTED: usize = 20;

/// How many of each that a digest's line for people names.
pub const DIGEST_NAMED: usize = 5;

/// Bytes of a digest's line for people: chat services take 2,000 characters at least (Discord).
pub const DIGEST_TEXT_MAX: usize = 1_800;

/// The delay after the history could not be read for a digest: the problem with the database is
/// reported elsewhere, and lasts for more than a moment.
pub const DIGEST_RETRY: SignedDuration = SignedDuration::from_mins(1);

/// Outages that are kept for the next digests: a week of an agent that goes away three times a day.
pub const OUTAGES_KEPT: usize = 20;

/// The longest wait of a failed transfer's run for its cause (docs/reference.md, "Causes"): the
/// history is local to the agent, and a retry must not be late because of a message.
pub const CAUSE_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// Failed objects of one transfer that are kept; the others are counted (docs/reference.md,
/// "Causes").
pub const FAILED_OBJECTS_MAX: usize = 50;

/// Failed objects of one kind that a sentence names.
pub const NAMED_OBJECTS_MAX: usize = 3;

/// An object's path in a cause. S3 allows 1,024 bytes for a key.
pub const OBJECT_PATH_MAX: usize = 1_024;

/// Transfers whose failed objects are kept though they are not known to be ours: frames can come
/// before the listing that shows the transfer, and anybody can send frames about transfers that do
/// not exist.
pub const UNCLAIMED_FAILURES_MAX: usize = 64;

/// The longest glob for jobs on a command line: several names long, and compiled in a moment.
pub const JOB_GLOB_BYTES: usize = 256;

/// Inputs that share one commit: a full batch is decided in some milliseconds.
pub const BATCH_MAX: usize = 1_024;

/// First and longest delay between two tries to record anything. A full disk needs a person to free
/// space.
pub const OUTAGE_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_secs(15));

/// An outage of the store that comes back within this time was not over.
pub const OUTAGE_CALM: SignedDuration = SignedDuration::from_secs(60);

/// How long nothing could be recorded before people are notified, beyond the log.
pub const OUTAGE_REPORTED: SignedDuration = SignedDuration::from_mins(5);
