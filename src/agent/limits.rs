//! Bounds on everything that the agent can send or make us do, each with its reason.

use std::time::Duration;

use jiff::SignedDuration;

/// Records requested in one page. The vendor's default is 50; four times that keeps a busy
/// account's look at one request.
pub(super) const PAGE_SIZE: usize = 200;

/// Bytes of pages that are read in one look: some 150,000 records. Time is the first bound; an
/// agent that is fast must not keep the machine busy either.
pub(super) const LOOK_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The largest body of a 200. A page of 200 records is some 300 kB.
pub(super) const BODY_MAX: usize = 16 * 1024 * 1024;

/// The largest body of an error. The vendor's are a few hundred bytes.
pub(super) const ERROR_BODY_MAX: usize = 64 * 1024;

/// Cloud accounts, or API tokens, that are kept from a list.
pub(super) const LISTED_MAX: usize = 10_000;

/// A cloud account's name, in bytes. People write them; a table is as wide as the longest.
pub(super) const ACCOUNT_NAME_MAX: usize = 500;

/// A token travels in the request line, of which ASP.NET Core takes 8 KiB.
pub(super) const TOKEN_MAX: usize = 8 * 1024;

/// The longest version that is shown, in bytes: `12.34.5678.90-beta.1` and more.
pub(super) const VERSION_MAX: usize = 64;

/// Connecting to a desktop agent takes milliseconds; a host that does not answer is away.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The largest clock offset that the `Date` header, in whole seconds, can't distinguish from none.
pub(super) const OFFSET_NOISE: SignedDuration = SignedDuration::from_secs(2);

/// Consecutive looks without an answer about the user, after which the evidence does without: a
/// broken endpoint must not hold up every job forever.
pub(super) const USER_STRIKES: u32 = 3;

/// The wait for an answer about the user once so many looks had none: a healthy agent knows it at
/// once.
pub(super) const USER_PATIENCE: Duration = Duration::from_secs(2);

/// A secret's file is read in microseconds, and over a network in some milliseconds. Runs wait for
/// a token that is not there by then, as in any other outage.
pub(super) const READ_MAX: Duration = Duration::from_secs(5);

/// Delay after a login that was refused, and its cap: a wrong password must not lock the account.
/// The first is also how long a TOTP code can't be used again.
pub(super) const LOGIN_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(30), SignedDuration::from_mins(10));

/// One frame of the notification socket. Frames are a few hundred bytes, and unread by us.
pub(super) const FRAME_MAX: usize = 256 * 1024;

/// Frames of the notification socket per second. They are per file: an agent that copies more files
/// than this in a second has reported a change long before.
pub(super) const FRAMES_A_SECOND: u32 = 500;

/// Bytes of the notification socket per second, twice the size of a frame: the most that a peer may
/// make us read by sending pieces of frames, which are never delivered.
pub(super) const SOCKET_BYTES_A_SECOND: usize = 2 * FRAME_MAX;

/// Bytes waiting to be sent on the notification socket: a ping and a few answers to pings, each of
/// 131 bytes at most. A peer that reads none of them must not fill the memory.
pub(super) const SOCKET_UNSENT_MAX: usize = 4 * 1024;

/// How long the doctor waits for a notification about its own request, whether or not one will
/// come: the agent is on this machine, as a rule.
pub(super) const ECHO_MAX: Duration = Duration::from_secs(3);
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(1);

/// The most that the doctor reads from the notification socket, whatever else is reported there.
pub(super) const ECHO_BYTES_MAX: usize = 4 * FRAME_MAX;

/// Delay before the notification socket is opened again, and its longest value.
pub(super) const RECONNECT: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(30));

/// The silence after which a notification socket is pinged; it is given up after twice that.
pub(super) const SOCKET_SILENCE: Duration = Duration::from_secs(30);

/// Cloud accounts whose buckets `check --online` requests: each takes the provider's time, and a
/// person waits.
pub(super) const BUCKETS_OF_MAX: usize = 50;

/// Objects that `doctor` requests, once: only their fields matter, and a page of the vendor's 1,000
/// would show no more.
pub(super) const OBJECTS_ASKED: usize = 50;

/// Pages of the transfer history that are read for one cause (docs/reference.md, "Causes"), and
/// their size, which is the vendor's default: an agent that ignores `pagesize` serves that.
pub(super) const HISTORY_PAGES_MAX: usize = 5;
pub(super) const HISTORY_PAGE_SIZE: usize = 50;

/// Rows that may be ours: those of one job's failures, as a rule one.
pub(super) const HISTORY_ROWS_MAX: usize = 50;

/// The longest reading of the history: less than the run waits for it.
pub(super) const HISTORY_PATIENCE: Duration = Duration::from_secs(8);

/// Frames about objects and requests that wait for the loop. In a flood, the others are dropped: a
/// cause names some.
pub(super) const FRAMES_WAITING_MAX: usize = 64;

/// Header lines of an answer. The vendor's have a dozen.
pub(super) const HEADERS_MAX: usize = 100;

/// The bytes before the body of an answer: its head, and the informational answers before it ("100
/// Continue"). The vendor's head is a few hundred bytes; informational answers have no bound of
/// their own.
pub(super) const HEADS_MAX: usize = 128 * 1024;

/// Records that are read from one page: four times the requested number. An agent that ignores the
/// requested number has a page of 50; one whose page does not end must not hold up everything else.
pub(super) const PAGE_RECORDS_MAX: u64 = 4 * PAGE_SIZE as u64;

/// The kernel's table of connections, in bytes: one of 50,000 connections.
pub(super) const SOCKET_TABLE_MAX: u64 = 8 * 1024 * 1024;

/// The longest time for ending our sessions: a stop is over in two seconds.
pub(super) const LOG_OUT_MAX: Duration = Duration::from_millis(700);
