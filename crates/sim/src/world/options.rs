//! The options of a world, which together with the seed decide everything.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use transferd_engine::ids::{AccountId, TransferId, UserId};

use super::accounts::{CloudAccount, SimUser};
use super::faults::{Fault, FaultRates};
use super::transfers::Ending;

/// A range of durations, drawn from evenly over its orders of magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The shortest.
    pub min: SignedDuration,
    /// The longest.
    pub max: SignedDuration,
}

impl Span {
    /// A span from milliseconds.
    pub const fn millis(min: i64, max: i64) -> Self {
        Self { min: SignedDuration::from_millis(min), max: SignedDuration::from_millis(max) }
    }

    /// A span of one duration only.
    pub const fn exactly(duration: SignedDuration) -> Self {
        Self { min: duration, max: duration }
    }
}

/// How transfers end, as shares of all; the others complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endings {
    /// Completed, with failed objects.
    pub partial: f64,
    /// Completed, without any object.
    pub empty: f64,
    /// Error.
    pub error: f64,
    /// Stops moving, and never ends.
    pub stall: f64,
    /// Disappears from the list while it runs.
    pub vanish: f64,
}

/// Actions of people and machines other than the client, and restarts of the agent itself.
/// Intervals are means; absent means never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct People {
    /// Someone pauses, resumes or cancels a listed transfer.
    pub act_every: Option<SignedDuration>,
    /// The share of cancels among these acts; the others are pauses and resumes.
    pub cancel_share: f64,
    /// A foreign transfer starts.
    pub foreign_every: Option<SignedDuration>,
    /// The share of these that belong to the first user of the world.
    pub foreign_same_user: f64,
    /// The share of these that go between the places of a recently requested transfer.
    pub foreign_same_places: f64,
    /// The share of these that are a sync's or the agent's own repetitions.
    pub foreign_sync: f64,
    /// The agent's process ends and starts again.
    pub restart_every: Option<SignedDuration>,
    /// How long it is away then.
    pub down_for: Span,
    /// The share of Created transfers that such a restart loses.
    pub restart_loses_created: f64,
    /// The share of Running transfers that such a restart turns into Error.
    pub restart_fails_running: f64,
    /// The agent is stopped or paused, or its user signs out.
    pub status_change_every: Option<SignedDuration>,
    /// The length of that.
    pub status_change_for: Span,
    /// Finished transfers leave the list after about this long.
    pub forget_after: Option<SignedDuration>,
}

impl Default for People {
    fn default() -> Self {
        Self {
            act_every: None,
            cancel_share: 0.4,
            foreign_every: None,
            foreign_same_user: 0.3,
            foreign_same_places: 0.5,
            foreign_sync: 0.2,
            restart_every: None,
            down_for: Span::millis(1_000, 60_000),
            restart_loses_created: 0.5,
            restart_fails_running: 0.2,
            status_change_every: None,
            status_change_for: Span::millis(5_000, 600_000),
            forget_after: None,
        }
    }
}

/// Behaviour that the vendor leaves open, or that differs between versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each an option of its own"
)]
pub struct Variants {
    /// JSON property names in PascalCase.
    pub pascal_case: bool,
    /// Posted transfers have type 8 (ManualTransfer) rather than 1.
    pub manual_type: bool,
    /// `pagesize` is ignored: pages are of this many records.
    pub fixed_page_size: Option<usize>,
    /// Records have no `userId`, and neither has the profile.
    pub no_user_id: bool,
    /// Every other record has no `userId`.
    pub null_user_ids: bool,
    /// Dates end without a `Z`.
    pub dates_without_zone: bool,
    /// Dates carry 7 fractional digits.
    pub seven_digits: bool,
    /// "No date" is null rather than year 1.
    pub null_dates: bool,
    /// Created transfers are listed.
    pub list_created: bool,
    /// `total` counts Created transfers, listed or not.
    pub total_counts_created: bool,
    /// A POST like one that is still active is answered with DUPLICATE.
    pub duplicate_check: bool,
    /// Paths are listed with a leading slash, whatever was requested.
    pub leading_slash: bool,
    /// `agent_status` is missing (404).
    pub no_status: bool,
    /// Answers carry no `Date` header.
    pub no_date_header: bool,
    /// Records do not contain the cost of a transfer.
    pub no_cost: bool,
    /// There is no transfer history (404).
    pub no_history: bool,
    /// A row of the history has an id of its own rather than its transfer's.
    pub history_own_ids: bool,
    /// A transfer has its row only half a minute after its end.
    pub history_late: bool,
    /// Before each row of the history there is another user's, with the same places and end.
    pub history_others: bool,
    /// Frames about files do not name their transfer.
    pub frames_without_id: bool,
    /// As a transfer fails, somebody sends frames about objects of it that were not denied.
    pub frames_forged: bool,
    /// While a transfer runs, the socket is flooded with frames about transfers that do not exist.
    pub frames_flood: bool,
}

impl Variants {
    /// True if the record of a transfer names its owner.
    pub fn reports_user(&self, id: TransferId) -> bool {
        let is_null = self.null_user_ids && id.0.as_u128() & 1 == 1;
        !self.no_user_id && !is_null
    }
}

/// Scripted behaviour of the transfers to some destinations: for demos and tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// It applies to requests whose destination path contains this.
    pub destination: String,
    /// The number of these that are left alone first.
    pub skip: u32,
    /// The number to which it applies after these; absent for all.
    pub times: Option<u32>,
    /// From the answer to the pick-up.
    pub pick_up: Option<SignedDuration>,
    /// From the pick-up to the end.
    pub duration: Option<SignedDuration>,
    /// How it ends.
    pub ending: Option<Ending>,
    /// Why its objects fail, one after another and over again; and the transfer itself, if it does.
    pub errors: Vec<String>,
    /// The number of objects that fail, in a partial one.
    pub failing: Option<u64>,
    /// The fault of the request.
    pub fault: Option<Fault>,
    /// The number of such requests so far.
    pub seen: u32,
}

/// The options of a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorldOptions {
    /// The users who can sign in; the first is "our" user where only one is meant.
    pub users: Vec<SimUser>,
    /// The cloud accounts that the agent knows.
    pub accounts: Vec<CloudAccount>,
    /// Requests that name other accounts are answered with NOT_FOUND.
    pub strict_accounts: bool,
    /// From acceptance to pick-up: the time during which a transfer is Created and not listed.
    pub pick_up: Span,
    /// From pick-up to the end.
    pub duration: Span,
    /// From a cancel's acceptance to Canceled.
    pub cancel_takes: Span,
    /// Objects of a transfer.
    pub objects: (u64, u64),
    /// Bytes of an object.
    pub object_bytes: (u64, u64),
    /// The agent's clock less true time.
    pub clock_skew: SignedDuration,
    /// Each `requestDate` is off by up to this, either way.
    pub date_jitter: SignedDuration,
    /// How transfers end.
    pub endings: Endings,
    /// Error messages: each failure gets one of these.
    pub errors: Vec<String>,
    /// Rates of faults in requests.
    pub faults: FaultRates,
    /// Actions of others.
    pub people: People,
    /// Behaviour that the vendor leaves open.
    pub variants: Variants,
    /// Scripted behaviour for some destinations.
    pub scripts: Vec<Script>,
}

impl WorldOptions {
    /// The id of the first default user.
    pub const DEFAULT_USER: UserId =
        UserId(Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_0001));
    /// The default user's token.
    pub const DEFAULT_TOKEN: &'static str = "sim-token";
    /// The default account named `production`.
    pub const PRODUCTION: AccountId =
        AccountId(Uuid::from_u128(0x6f1c_2f0e_0d8c_4f3e_9a51_0c9d_5f0a_1b11));
    /// The default account named `archive`.
    pub const ARCHIVE: AccountId =
        AccountId(Uuid::from_u128(0x0b6c_7c9a_2a54_4a0e_8a36_6d1e_3f7f_2c22));
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            users: vec![SimUser::new(
                Self::DEFAULT_USER,
                "operator@example.com",
                Self::DEFAULT_TOKEN,
            )],
            accounts: vec![
                CloudAccount::new(Self::PRODUCTION, "production", 1, &["footage", "projects"]),
                CloudAccount::new(Self::ARCHIVE, "archive", 2, &["cold", "backup"]),
            ],
            strict_accounts: false,
            pick_up: Span::millis(200, 3_000),
            duration: Span::millis(2_000, 30_000),
            cancel_takes: Span::millis(100, 3_000),
            objects: (1, 40),
            object_bytes: (10_000_000, 2_000_000_000),
            clock_skew: SignedDuration::ZERO,
            date_jitter: SignedDuration::ZERO,
            endings: Endings::default(),
            errors: vec!["checksum mismatch".to_owned()],
            faults: FaultRates::default(),
            people: People::default(),
            variants: Variants::default(),
            scripts: Vec::new(),
        }
    }
}
