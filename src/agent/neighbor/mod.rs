//! Finds out which user holds the agent's port. A loopback port belongs to the first process that
//! takes it: before a secret goes out, the process at the other end must belong to an allowed user.
//!
//! The kernel knows the user of each socket of this machine, and is asked about one connection that
//! was just made. This module knows nothing of HTTP.

mod diagnosis;
mod tables;

use std::fs;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;

use crate::settings::UserRef;
use crate::users;

/// The user id of root.
const ROOT: u32 = 0;

/// The users who may hold the agent's port. Cheap to clone; all clones share what is learned.
#[derive(Clone, Debug)]
pub struct Owners {
    shared: Arc<Shared>,
}

struct Shared {
    /// `agent.user`; empty where the job file names none.
    named: Vec<UserRef>,
    /// Keeps the first user at whose port an agent was found working.
    keep: Keep,
    state: Mutex<State>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("named", &self.named).finish_non_exhaustive()
    }
}

/// Keeps a user id beyond this process.
pub type Keep = Arc<dyn Fn(u32) + Send + Sync>;

#[derive(Debug, Default)]
struct State {
    /// Where the job file names nobody: the user who held the port when an agent was first found
    /// working there.
    first: Option<u32>,
    /// It was logged that the system reports no owner.
    warned: bool,
}

/// The addresses of a connection's two ends, IPv4 ones as such.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    theirs: SocketAddr,
    ours: SocketAddr,
}

/// The port is held by a user who may not have the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the agent's port is held by {by}; if the agent runs as that user, name it in `agent.user`"
)]
pub(super) struct Held {
    by: String,
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// To find out whether an agent is working there: no secret is sent.
    State,
    /// For anything else.
    Secret,
}

impl Owners {
    /// Root, our own user, and the users that the job file names; where it names none, `first` is
    /// the user who held the port when an agent was first found working there. When one is found,
    /// `keep` is called with it.
    pub fn new(named: &[UserRef], first: Option<u32>, keep: Keep) -> Self {
        let state = Mutex::new(State { first, ..State::default() });
        Self { shared: Arc::new(Shared { named: named.to_vec(), keep, state }) }
    }

    /// As [`Self::new`], for a process that keeps nothing.
    pub fn forgetful(named: &[UserRef], first: Option<u32>) -> Self {
        Self::new(named, first, Arc::new(|_| {}))
    }

    /// The user who held the port when an agent was first found working there.
    pub fn first(&self) -> Option<u32> {
        self.state().first
    }

    /// Checks the user at the other end of a connection that was just made, and returns it, where
    /// that matters and the system knows.
    pub(super) fn judge(&self, ends: &Ends, errand: Errand) -> Result<Option<u32>, Held> {
        if !ends.theirs.ip().is_loopback() {
            return Ok(None);
        }
        self.judge_holder(ends.holder(), errand)
    }

    fn judge_holder(&self, holder: Option<u32>, errand: Errand) -> Result<Option<u32>, Held> {
        match holder {
            Some(uid) => self.judge_user(uid, errand)?,
            None if !std::mem::replace(&mut self.state().warned, true) => tracing::warn!(
                "this system does not tell which user holds the agent's port: the token goes to \
                 whoever answers there"
            ),
            None => {}
        }
        Ok(holder)
    }

    fn judge_user(&self, uid: u32, errand: Errand) -> Result<(), Held> {
        if is_trusted(uid) {
            return Ok(());
        }
        let allowed = if self.shared.named.is_empty() {
            match self.state().first {
                Some(first) => first == uid,
                None => errand == Errand::State,
            }
        } else {
            self.shared.named.iter().any(|user| is(user, uid))
        };
        if allowed { Ok(()) } else { Err(Held { by: shown(uid) }) }
    }

    /// Notes that an agent was found working at a port that this user holds. Root and our own user
    /// are remembered like anybody else: whoever takes the port after them is not the first.
    pub(super) fn found_at_work(&self, uid: u32) {
        let mut state = self.state();
        if !self.shared.named.is_empty() || state.first.is_some() {
            return;
        }
        state.first = Some(uid);
        drop(state);
        (self.shared.keep)(uid);
        if is_trusted(uid) {
            return;
        }
        let user = shown(uid);
        tracing::warn!(
            "the agent runs as {user}, who gets the token from now on; `agent.user` in the job \
             file says so too"
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; if something did, the state is still whole.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    /// # Errors
    /// The connection has been reset.
    pub(super) fn of(stream: &TcpStream) -> io::Result<Self> {
        let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
        Ok(Self { theirs: canonical(stream.peer_addr()?), ours: canonical(stream.local_addr()?) })
    }

    /// The user who holds the other end: who has accepted the connection, else who listens there.
    fn holder(&self) -> Option<u32> {
        // A kernel without it, and a unit that allows no such socket, have the tables.
        diagnosis::holder(self).unwrap_or_else(|_| tables::holder(self))
    }
}

/// The names among these that are no user of this machine, according to its own list: none where a
/// directory service may have more.
pub fn unknown_users(users: &[UserRef]) -> Vec<&str> {
    let (names, list) = (users.iter(), users_file());
    let names = names.filter_map(|user| match user {
        UserRef::Name(name) => Some(name.as_str()),
        UserRef::Id(_) => None,
    });
    let known = |name: &str| users::entries(&list).any(|(known, _)| known == name);
    names.filter(|name| !list.is_empty() && !known(name)).collect()
}

fn is(user: &UserRef, uid: u32) -> bool {
    match user {
        UserRef::Id(id) => *id == uid,
        UserRef::Name(name) => {
            users::entries(&users_file()).any(|entry| entry == (name.as_str(), uid))
        }
    }
}

/// `user alice (uid 1000)`, or the number alone where it has no name.
pub fn shown(uid: u32) -> String {
    match users::named(uid, &users_file()) {
        Some(name) => format!("user {name}"),
        None => format!("uid {uid}"),
    }
}

fn users_file() -> String {
    let mut text = Vec::new();
    // Without it, users are shown by number.
    let _ = fs::File::open(users::FILE)
        .and_then(|file| file.take(users::FILE_MAX).read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// True for root and our own user, who have our secrets anyway.
pub fn is_trusted(uid: u32) -> bool {
    uid == ROOT || uid == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_kernel_tells_who_holds_the_other_end_by_either_way() {
        let own = Some(rustix::process::geteuid().as_raw());
        for (bound, host) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("[::1]:0", "[::1]"),
            ("0.0.0.0:0", "127.0.0.9"),
            ("[::]:0", "127.0.0.1"),
            ("[::]:0", "[::1]"),
        ] {
            // A machine without IPv6 has nothing to find there.
            let Ok(listener) = std::net::TcpListener::bind(bound) else { continue };
            let theirs = at(&format!("{host}:{}", listener.local_addr().unwrap().port()));
            let ours = std::net::TcpStream::connect(theirs).unwrap();
            let ends = Ends { theirs, ours: ours.local_addr().unwrap() };
            let both = |holder, state| {
                // A kernel that is built without it can't be asked.
                if let Ok(told) = diagnosis::holder(&ends) {
                    assert_eq!(told, holder, "{theirs}, {state}");
                }
                assert_eq!(tables::holder(&ends), holder, "{theirs}, {state}");
                assert_eq!(ends.holder(), holder, "{theirs}, {state}");
            };
            both(own, "not accepted");
            let accepted = listener.accept().unwrap();
            both(own, "accepted");
            drop(listener);
            both(own, "accepted by one that listens no more");
            drop(accepted);
            // The kernel takes its time to let go of it.
            for _ in 0..100 {
                if ends.holder().is_none() && tables::holder(&ends).is_none() {
                    break;
                }
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            both(None, "closed");
        }
    }

    #[test]
    fn a_holder_that_the_system_does_not_tell_is_nobody_to_refuse() {
        let (alice, mallory) = (4_000_000_001, 4_000_000_002);
        let owners = Owners::forgetful(&[], Some(alice));
        let judged = |holder| owners.judge_holder(holder, Errand::Secret);
        assert_eq!(judged(Some(alice)), Ok(Some(alice)));
        assert_eq!(judged(None), Ok(None));
        assert_eq!(judged(Some(mallory)), Err(Held { by: "uid 4000000002".to_owned() }));
    }

    #[test]
    fn the_first_user_at_work_is_remembered_and_anybody_else_is_refused() {
        let stranger = 4_000_000_001;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&kept);
        let owners = Owners::new(&[], None, Arc::new(move |uid| book.lock().unwrap().push(uid)));
        let refused = owners.judge_user(stranger, Errand::Secret).unwrap_err().to_string();
        assert!(refused.starts_with("the agent's port is held by uid 4000000001"), "{refused}");
        assert_eq!(owners.judge_user(stranger, Errand::State), Ok(()), "nothing is sent yet");
        owners.found_at_work(stranger);
        owners.found_at_work(stranger + 1);
        assert_eq!(owners.judge_user(stranger, Errand::Secret), Ok(()));
        assert!(owners.judge_user(stranger + 1, Errand::State).is_err());
        assert_eq!((owners.first(), &*kept.lock().unwrap()), (Some(stranger), &vec![stranger]));
        // Also where root's or our own agent was the first.
        for trusted in [ROOT, rustix::process::geteuid().as_raw()] {
            let owners = Owners::forgetful(&[], None);
            owners.found_at_work(trusted);
            owners.found_at_work(stranger);
            assert_eq!(owners.first(), Some(trusted));
            assert!(owners.judge_user(stranger, Errand::State).is_err());
            assert_eq!(owners.judge_user(trusted, Errand::Secret), Ok(()));
        }
        // Once users are named, nobody is trusted for having been first.
        let named = Owners::forgetful(&[UserRef::Id(stranger)], Some(stranger + 1));
        assert!(named.judge_user(stranger, Errand::Secret).is_ok());
        assert!(named.judge_user(stranger + 1, Errand::State).is_err());
    }
}
