//! Slots for connections: which one gives way when all are taken: first the one that has been
//! silent for longest, then the one that has been reading for longest. So a client that opens
//! connections and says nothing, or asks and does not read, keeps nobody else out (as sshd's
//! `MaxStartups`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Bounds;

/// How long a connection is safe from giving way: a client that wants to send a request has done so
/// by then, on a loop that runs.
const SILENCE: Duration = Duration::from_millis(100);

/// How long a reader is safe from giving way: one that keeps pace has read the largest page by
/// then.
const READING: Duration = Duration::from_secs(2);

/// How often the connections are checked for one that has to give way, while another waits.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The slots for connections of one kind.
#[derive(Debug)]
pub struct Slots {
    bounds: Bounds,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    last: u64,
    /// By number, and so in the order of their arrival.
    connections: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    stage: Stage,
    large: bool,
    has_to_go: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// It has not sent its request yet.
    Silent { since: Instant },
    /// Its answer is being made.
    Asked,
    /// It reads its answer.
    Reading { since: Instant },
}

/// A connection's slot, shared by all tasks that work for it.
#[derive(Clone, Debug)]
pub struct Ticket {
    number: u64,
    slots: Arc<Slots>,
    has_to_go: CancellationToken,
}

/// A slot that is taken until this is dropped, however its connection ends.
#[derive(Debug)]
pub(super) struct Place(Ticket);

impl Place {
    /// The shared part.
    pub(super) fn ticket(&self) -> Ticket {
        self.0.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.slots.lock().connections.remove(&self.0.number);
        self.0.slots.freed.notify_waiters();
    }
}

impl Slots {
    /// Slots within these bounds.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, taken: Mutex::default(), freed: Notify::new() })
    }

    /// The next free slot; frees one, if another connection has to give way.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(ticket) = self.try_take() {
                return Place(ticket);
            }
            tokio::select! {
                () = freed => {}
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Ticket> {
        let mut taken = self.lock();
        if taken.connections.len() >= self.bounds.connections_max {
            let silent = taken.first(|connection| connection.stage.is_silent_for(SILENCE));
            let number = silent.or_else(|| taken.first(Connection::has_read_long))?;
            taken.send_away(number);
        }
        taken.last += 1;
        let (number, has_to_go) = (taken.last, CancellationToken::new());
        let stage = Stage::Silent { since: Instant::now() };
        let connection = Connection { stage, large: false, has_to_go: has_to_go.clone() };
        taken.connections.insert(number, connection);
        Some(Ticket { number, slots: Arc::clone(self), has_to_go })
    }

    /// Whether that connection may get a large answer now.
    fn try_large(&self, number: u64) -> bool {
        let mut taken = self.lock();
        let large = taken.connections.values().filter(|connection| connection.large).count();
        if large >= self.bounds.large_max {
            let Some(reader) = taken.first(|one| one.large && one.has_read_long()) else {
                return false;
            };
            taken.send_away(reader);
        }
        if let Some(connection) = taken.connections.get_mut(&number) {
            connection.large = true;
        }
        true
    }

    fn move_to(&self, number: u64, stage: Stage) {
        if let Some(connection) = self.lock().connections.get_mut(&number) {
            connection.stage = stage;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The oldest connection for which `is` holds.
    fn first(&self, is: impl Fn(&Connection) -> bool) -> Option<u64> {
        self.connections.iter().find(|(_, connection)| is(connection)).map(|(number, _)| *number)
    }

    fn send_away(&mut self, number: u64) {
        if let Some(connection) = self.connections.remove(&number) {
            connection.has_to_go.cancel();
        }
    }
}

impl Connection {
    fn has_read_long(&self) -> bool {
        match self.stage {
            Stage::Reading { since } => since.elapsed() >= READING,
            Stage::Silent { .. } | Stage::Asked => false,
        }
    }
}

impl Stage {
    fn is_silent_for(self, time: Duration) -> bool {
        match self {
            Self::Silent { since } => since.elapsed() >= time,
            Self::Asked | Self::Reading { .. } => false,
        }
    }
}

impl Ticket {
    /// Its bounds.
    pub(super) fn bounds(&self) -> Bounds {
        self.slots.bounds
    }

    /// Notes that it has sent its request.
    pub(super) fn has_asked(&self) {
        self.slots.move_to(self.number, Stage::Asked);
    }

    /// Notes that its answer is being sent.
    pub(super) fn reads(&self) {
        self.slots.move_to(self.number, Stage::Reading { since: Instant::now() });
    }

    /// Waits until the connection has to give way.
    pub(super) async fn has_to_go(&self) {
        self.has_to_go.cancelled().await;
    }

    /// Waits until the connection may get a large answer; it keeps that right until it ends.
    pub async fn large(&self) {
        loop {
            let freed = self.slots.freed.notified();
            if self.slots.try_large(self.number) {
                return;
            }
            tokio::select! {
                () = freed => {}
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }
}
