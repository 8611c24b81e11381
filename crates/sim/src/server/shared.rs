//! The world behind a lock, with the real clock, and the work that follows each access to it.

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::world::World;
use transferd_clock as clock;

use super::wire;

/// The last requests that are remembered, for tests that check a client.
const SEEN_MAX: usize = 10_000;

/// A request that arrived. Holds no query, and so no token.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SeenRequest {
    /// When.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path, in lower case.
    pub path: String,
}

/// State shared by all handlers.
pub(super) struct Shared {
    world: Mutex<World>,
    seen: Mutex<VecDeque<SeenRequest>>,
    pub(super) frames: broadcast::Sender<String>,
    pub(super) down: watch::Sender<bool>,
    pub(super) changed: Notify,
    pub(super) stop: CancellationToken,
    pub(super) state: Option<PathBuf>,
    pub(super) url: String,
}

impl Shared {
    pub(super) fn new(world: World, state: Option<PathBuf>, url: String) -> Arc<Self> {
        let down = watch::Sender::new(world.is_down());
        Arc::new(Self {
            world: Mutex::new(world),
            seen: Mutex::new(VecDeque::new()),
            // A client that reads no frames for this many misses some: they are hints.
            frames: broadcast::Sender::new(1_024),
            down,
            changed: Notify::new(),
            stop: CancellationToken::new(),
            state,
            url,
        })
    }

    /// Acts on the world now, and notifies others of the effects.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        // A panic in one handler leaves the world consistent.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now().max(world.time());
        let before = (world.revision(), world.next_event());
        let result = act(&mut world, now);
        for notice in world.take_notices() {
            // There may be no listener.
            let _ = self.frames.send(wire::notice(&notice, now));
        }
        let is_down = world.is_down();
        self.down.send_if_modified(|down| std::mem::replace(down, is_down) != is_down);
        if before != (world.revision(), world.next_event()) {
            self.changed.notify_one();
        }
        result
    }

    /// As [`Shared::with`], with the result on disk before this returns, if there is a file.
    pub(super) fn with_durably<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let (result, snapshot) = self.with(|world, now| {
            let result = act(world, now);
            (result, self.state.is_some().then(|| serde_json::to_vec(&world)))
        });
        if let Some(Ok(bytes)) = snapshot {
            self.write_state(&bytes);
        }
        result
    }

    /// Writes the world down, if there is a file for it.
    pub(super) fn save(&self) {
        self.with_durably(|_, _| ());
    }

    fn write_state(&self, bytes: &[u8]) {
        let Some(path) = &self.state else { return };
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let written = tempfile::NamedTempFile::new_in(folder.unwrap_or(".".as_ref()))
            .and_then(|mut file| {
                file.write_all(bytes)?;
                Ok(file)
            })
            .map(|file| file.persist(path));
        match written {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!("the simulated agent's state could not be kept: {error}");
            }
            Err(error) => {
                tracing::warn!("the simulated agent's state could not be kept: {error}");
            }
        }
    }

    pub(super) fn saw(&self, method: &str, path: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN_MAX {
            seen.pop_front();
        }
        let (method, path) = (method.to_owned(), path.to_owned());
        seen.push_back(SeenRequest { at: clock::now(), method, path });
    }

    pub(super) fn seen(&self) -> Vec<SeenRequest> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().cloned().collect()
    }
}
