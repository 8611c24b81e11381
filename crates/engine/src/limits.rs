//! Every bound of the engine in one place, each with its reason.
//!
//! Adapters keep the bounds of whatever they talk to in their own `limits`; the bounds here limit
//! decisions.

use jiff::SignedDuration;

/// Tolerance between the agent's clock and ours when a record's `requestDate` is judged.
/// Two minutes is what an NTP-less workstation drifts in a month (protocol, rule 4).
pub const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// With `exclusive_user` dates are not evidence. So much older than the request a record must be
/// to be taken for one that a look did not read deep enough to see: more than any zone's offset.
pub const EXCLUSIVE_DEPTH: SignedDuration = SignedDuration::from_hours(26);

/// How deep the look before a POST reads, so that all that could later be taken for the POST's
/// transfer is in its baseline: a daylight saving hour either way, and as much again.
pub const BASELINE_DEPTH: SignedDuration = SignedDuration::from_hours(2);

/// How much later than `request_timeout` a request whose answer was lost may still be processed.
pub const LATE_PROCESSING: SignedDuration = SignedDuration::from_secs(30);

/// A POST may follow a complete look no older than this (protocol, rule 1).
pub const LOOK_FRESHNESS: SignedDuration = SignedDuration::from_secs(1);

/// The search for an uncertain transfer never takes longer than this, however slow listings were.
pub const ADOPT_WINDOW_CAP: SignedDuration = SignedDuration::from_mins(15);

/// A gap between two complete looks counts towards `adopt_window` only up to this much, so that
/// a suspended machine does not mistake one look for hours of looking.
pub const COVERED_GAP: SignedDuration = SignedDuration::from_secs(90);

/// Given-up attempts are looked for at least this long (protocol, "Open attempt").
pub const WATCH: SignedDuration = SignedDuration::from_hours(24);

/// A look that takes longer than this is ended as incomplete: what it would prove is stale.
pub const LOOK_MAX: SignedDuration = SignedDuration::from_mins(2);

/// A look that has not come back after twice `request_timeout` and this is lost, as when the
/// machine slept meanwhile: the next one must not wait for it. More than any look may take.
pub const LOOK_LOST: SignedDuration = LOOK_MAX;

/// Looks that notifications cause are at least this far apart (contract, "Agent").
pub const HINTED_LOOK_GAP: SignedDuration = SignedDuration::from_millis(250);

/// A record so much older than an accepted request is worth a word if it is nearly like it: an
/// hour is what a wrong daylight saving setting makes.
pub const NEAR_MISS_DEPTH: SignedDuration = SignedDuration::from_hours(1);

/// What the agent serves if it ignores `pagesize` (docs/click-api.md, `get_all`).
pub const DEFAULT_PAGE_SIZE: u64 = 50;

/// Wanted records kept from one look. The engine wants dozens; an account full of copies between
/// the very same places must not fill the memory.
pub const WANTED_MAX: usize = 10_000;

/// So many unknown values of `transferStatus` are each warned of once: an agent that makes them up
/// must fill neither the log nor the memory.
pub const UNKNOWN_STATUSES_MAX: usize = 32;

/// So many incomplete looks in a row are an outage: runs wait, and it is said why. A list that
/// changed once while it was read is not news.
pub const INCOMPLETE_LOOKS_MAX: u32 = 2;

/// No transfer in flight is looked at less often than this (contract, "Agent").
pub const SLOWEST_LOOK: SignedDuration = SignedDuration::from_secs(60);

/// While runs wait for an agent that does not answer, it is asked at least this often.
pub const AGENT_RETRY_CAP: SignedDuration = SignedDuration::from_secs(15);

/// A bad token is tried again this often, besides whenever its source changes (contract, "Runs").
pub const TOKEN_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// First and longest delay between two cancel requests for one transfer.
pub const CANCEL_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(2), SignedDuration::from_secs(60));

/// An occurrence handled later than this was missed, and is subject to `catch_up`.
pub const LATE_START: SignedDuration = SignedDuration::from_secs(60);

/// So was one that is later than this when the next one is due too. An engine that is only busy
/// deals with each occurrence well within that.
pub const OVERTAKEN: SignedDuration = SignedDuration::from_secs(1);

/// One backfill makes so many runs at most: three years of a nightly job, and a bound on what a
/// slip of the pen can start.
pub const BACKFILL_MAX: usize = 1_000;

/// Of so many occurrences at most a backfill finds out which lack a success: those of a week of
/// minutes, and found in a moment.
pub const OCCURRENCES_MAX: usize = 10_000;

/// So many retries and backfills of one job may wait: a backfill behind another one.
pub const REPEATS_WAITING_MAX: usize = 2_000;

/// `catch_up: all` runs at most so many of the newest missed occurrences; so many missed ones are
/// recorded one by one.
pub const MISSED_MAX: usize = 100;

/// A transfer that ended at the agent so shortly before an occurrence still overlaps it: the two
/// clocks are known no better, as the agent tells its own in whole seconds.
pub const OVERLAP_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// A date so near to a request is taken to be of it, though the agent does not tell its clock: from the
/// commit to the record it takes no longer.
pub const DATE_IS_RIGHT: SignedDuration = SignedDuration::from_secs(5);

/// Nothing is queued while the agent's clock is further from ours than this: more is neither a zone
/// nor drift.
pub const AGENT_CLOCK_FAR: SignedDuration = SignedDuration::from_hours(24);

/// A clock that is set forward by no more than this passes over occurrences that are still wanted:
/// of each job the latest runs at once. cron(8) draws the same line; beyond it the clock had been
/// wrong, and what it passes over never was due.
pub const STEP_REACHES: SignedDuration = SignedDuration::from_hours(3);

/// So many stretches of the clock are kept of a job in which all occurrences were dealt with. Each
/// outage with a missed occurrence makes one: a fortnight of them on a machine that is off at night.
pub const STRETCHES_MAX: usize = 16;

/// So many past pauses are kept of a job: what people still ask about.
pub const PAUSES_KEPT: usize = 16;

/// The occurrences of a pause are counted up to this, some milliseconds' work.
pub const PAUSE_COUNT_MAX: u32 = 10_000;

/// What is recorded may lie so far ahead of the clock without a word: drift, and the rounding of
/// what is computed from spans.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(5);

/// So many transfers of closed attempts are remembered as taken. A look's date window reaches back
/// hours at the most (a clock that was set), and a user queues far fewer in that time.
pub const SETTLED_MAX: usize = 4_096;

/// Progress of a run is written at most this often (architecture, "Progress is an observation").
pub const PROGRESS_RECORD: SignedDuration = SignedDuration::from_secs(60);

/// The line of an alert is cut to this many bytes: pagers take about a thousand.
pub const ALERT_TEXT_MAX: usize = 900;

/// A place in that line is cut to this many bytes, so that two long ones leave room for the reason.
pub const PLACE_TOLD_MAX: usize = 120;

/// Words of the agent are cut to this many bytes before they enter a reason.
pub const WORDS_MAX: usize = 500;

/// A run that the agent has kept waiting for so long is reported (contract, "Alerts").
pub const AGENT_DOWN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A cancel that the agent has not confirmed for so long is reported (contract, "Alerts").
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// First and longest delay between two requests that an agent start which nobody has signed in
/// (contract, "Agent"): a start takes seconds, and one that is refused for hours needs a person.
pub const AGENT_START_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(30), SignedDuration::from_hours(1));

/// So long before its end a token is reported, and once more at its end: over a weekend there is
/// still somebody to renew it.
pub const TOKEN_NOTICE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Messages in the outbox. A receiver that is away for days must not fill the disk, and of a
/// thousand messages nobody reads the first ones.
pub const OUTBOX_MAX: usize = 1_000;

/// So many alerts are delivered at once, one of an entry at most: a burst over many entries must
/// not take the connections and processes that runs need.
pub const DELIVERIES_MAX: usize = 4;

/// First and longest delay between two tries to deliver an alert: soon after a hiccup, and in an
/// outage of hours not so often that the receiver minds.
pub const ALERT_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(10), SignedDuration::from_hours(1));

/// So many tries come as soon as the receiver says: one that says the same each time is in trouble.
pub const ALERT_PROMPT_TRIES: u32 = 5;

/// An alert this old is given up when a try fails: it is not news any more.
pub const ALERT_STALE: SignedDuration = SignedDuration::from_hours(24);

/// An alert is tried so often at least, however old: the network may come back minutes after a
/// machine that was asleep.
pub const ALERT_TRIES_MIN: u32 = 5;

/// An alert that is turned down so often is given up: what another body or address would mend
/// keeps those behind it waiting.
pub const ALERT_REFUSALS_MAX: u32 = 3;

/// Jobs that a digest counts one by one: more are read by no one in a message.
pub const DIGEST_JOBS: usize = 50;

/// Jobs of which a digest says why they failed: with a sentence of each, some kilobytes.
pub const DIGEST_FAILURES: usize = 20;

/// Jobs that did not run, or are late, and outages, of which a digest has each.
pub const DIGEST_LISTED: usize = 20;

/// Of each of these so many are named in a digest's line for people.
pub const DIGEST_NAMED: usize = 5;

/// Bytes of a digest's line for people: chat services take 2,000 characters at least (Discord).
pub const DIGEST_TEXT_MAX: usize = 1_800;

/// A digest for which the history could not be read is tried again after this: whatever is wrong
/// with the database is said elsewhere, and lasts for more than a moment.
pub const DIGEST_RETRY: SignedDuration = SignedDuration::from_mins(1);

/// Outages that are kept for the next digests: a week of an agent that goes away thrice a day.
pub const OUTAGES_KEPT: usize = 20;

/// For so long at most a failed transfer's run waits for its cause (contract, "Causes"): the
/// history is local to the agent, and a retry must not be late for the sake of a message.
pub const CAUSE_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// Failed objects of one transfer that are kept; the rest is counted (contract, "Causes").
pub const FAILED_OBJECTS_MAX: usize = 50;

/// Failed objects of one kind that a sentence names.
pub const NAMED_OBJECTS_MAX: usize = 3;

/// An object's path in a cause. S3 allows 1,024 bytes for a key.
pub const OBJECT_PATH_MAX: usize = 1_024;

/// Transfers whose failed objects are kept though they are not known to be ours: frames can come
/// before the listing that tells, and anybody can send frames about transfers that do not exist.
pub const UNCLAIMED_FAILURES_MAX: usize = 64;

/// The longest glob that may stand for jobs on a command line: several names long, and compiled in
/// a moment.
pub const JOB_GLOB_BYTES: usize = 256;

/// Inputs that share one commit: a full batch is decided in some milliseconds.
pub const BATCH_MAX: usize = 1_024;

/// First and longest delay between two tries to record anything. A full disk is emptied by people.
pub const OUTAGE_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_secs(15));

/// An outage of the store that comes back within this time was not over.
pub const OUTAGE_CALM: SignedDuration = SignedDuration::from_secs(60);

/// How long nothing could be recorded before people are told, beyond the log.
pub const OUTAGE_REPORTED: SignedDuration = SignedDuration::from_mins(5);
