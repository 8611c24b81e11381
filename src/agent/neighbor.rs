//! Finds out which user holds the agent's port. A loopback port belongs to the first process that
//! takes it: before a secret goes out, the process at the other end must belong to an allowed user.
//!
//! The kernel's tables of connections (proc_pid_net(5)) name the user of each socket of this
//! machine. This file knows nothing of HTTP, nor which connection is about to be used: every
//! process that listens at the port, and every one that has accepted a connection of our user
//! there, must belong to an allowed user. A connection that nobody has accepted yet belongs to the
//! listener.

use std::fs;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::job::UserRef;
use crate::users;

use super::limits::SOCKET_TABLE_MAX;

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
    /// Connections made so far.
    made: u64,
    /// The last reading of the tables.
    reading: Option<Reading>,
}

/// A reading of the kernel's tables about a port.
#[derive(Clone, Debug)]
struct Reading {
    at: SocketAddr,
    /// The connections that were made before the tables were read, and are therefore in them.
    covers: u64,
    holders: Vec<u32>,
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

    /// Checks the holder of a port to which a connection was just made, and returns the user, where
    /// that matters and the system knows.
    pub(super) async fn judge(&self, at: SocketAddr, errand: Errand) -> Result<Option<u32>, Held> {
        if !at.ip().to_canonical().is_loopback() {
            return Ok(None);
        }
        self.judge_all(&self.holders(at).await, errand)
    }

    /// Checks all holders of a port: one of them has accepted our connection, and which one is
    /// unknown.
    fn judge_all(&self, holders: &[u32], errand: Errand) -> Result<Option<u32>, Held> {
        let Some(&holder) = holders.first() else {
            let mut state = self.state();
            if !std::mem::replace(&mut state.warned, true) {
                tracing::warn!(
                    "this system does not tell which user holds the agent's port: the token goes \
                     to whoever answers there"
                );
            }
            return Ok(None);
        };
        holders.iter().try_for_each(|uid| self.judge_user(*uid, errand))?;
        Ok(Some(holder))
    }

    /// The holders of a port to which a connection was just made. The tables are read after that:
    /// the kernel walks all connections of the machine for it, which takes milliseconds, so all
    /// connections that are made in one turn of the loop share a reading.
    async fn holders(&self, at: SocketAddr) -> Vec<u32> {
        self.holders_by(at, holders).await
    }

    /// As [`Self::holders`], with `read` as the source for an address.
    async fn holders_by(
        &self,
        at: SocketAddr,
        read: impl FnOnce(SocketAddr) -> Vec<u32>,
    ) -> Vec<u32> {
        let made = {
            let mut state = self.state();
            state.made += 1;
            state.made
        };
        // All other connections made meanwhile come to this point, too.
        tokio::task::yield_now().await;
        let mut state = self.state();
        let covers = state.made;
        let shared = state.reading.as_ref().filter(|last| last.at == at && made <= last.covers);
        if let Some(shared) = shared {
            return shared.holders.clone();
        }
        let holders = read(at);
        state.reading = Some(Reading { at, covers, holders: holders.clone() });
        holders
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

    /// Notes that an agent was found working at a port that this user holds.
    pub(super) fn found_at_work(&self, uid: u32) {
        let mut state = self.state();
        if is_trusted(uid) || !self.shared.named.is_empty() || state.first.is_some() {
            return;
        }
        state.first = Some(uid);
        drop(state);
        (self.shared.keep)(uid);
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
fn shown(uid: u32) -> String {
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

/// Root and our own user have our secrets anyway.
fn is_trusted(uid: u32) -> bool {
    uid == ROOT || uid == rustix::process::geteuid().as_raw()
}

/// The users who hold a port: those who have accepted connections of ours there, then those who
/// listen.
fn holders(at: SocketAddr) -> Vec<u32> {
    let tables: Vec<String> = ["tcp", "tcp6"].iter().filter_map(|name| table(name).ok()).collect();
    holders_in(&tables, at, rustix::process::geteuid().as_raw())
}

fn table(name: &str) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(format!("/proc/self/net/{name}"))?;
    file.take(SOCKET_TABLE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A socket of the tables.
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    listens: bool,
    uid: u32,
    inode: u64,
}

fn holders_in(tables: &[String], at: SocketAddr, us: u32) -> Vec<u32> {
    let same = |one: SocketAddr, other: SocketAddr| {
        one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
    };
    // A busy machine has thousands of rows, nearly all of them about other ports.
    let port = format!(":{:04X}", at.port());
    let about = |line: &&str| {
        line.split_ascii_whitespace().skip(1).take(2).any(|address| address.ends_with(&port))
    };
    let rows = tables.iter().flat_map(|table| table.lines()).filter(about).filter_map(row);
    let (listening, connected): (Vec<Row>, Vec<Row>) =
        // Sockets that no process has any more hold nothing.
        rows.filter(|row| row.inode != 0).partition(|row| row.listens);
    let ours = connected.iter().filter(|row| row.uid == us && same(row.remote, at));
    let mut holders: Vec<u32> = ours
        .filter_map(|our| {
            let theirs = |row: &&Row| same(row.local, at) && same(row.remote, our.local);
            connected.iter().find(theirs).map(|row| row.uid)
        })
        .collect();
    let exact = listening.iter().find(|row| same(row.local, at));
    let anywhere = || {
        let on_all = |row: &&Row| row.local.port() == at.port() && row.local.ip().is_unspecified();
        listening.iter().find(on_all)
    };
    holders.extend(exact.or_else(anywhere).map(|row| row.uid));
    holders
}

fn row(line: &str) -> Option<Row> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let [_, local, remote, state, _, _, _, uid, _, inode] = fields.as_slice() else { return None };
    Some(Row {
        local: address(local)?,
        remote: address(remote)?,
        listens: *state == LISTEN,
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

/// `0100007F:71C3`: words of four bytes in the machine's own order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?);
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn tables(rows: &[&str]) -> Vec<String> {
        vec![HEAD.to_owned() + &rows.join("\n")]
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_listener_and_those_who_have_accepted_a_connection_of_ours_hold_a_port() {
        const LISTEN: &str = "0: 0100007F:71C3 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 4242 1 0 100 0 0 10 0";
        const ACCEPTED: &str = "1: 0100007F:71C3 0100007F:C452 01 00000000:00000000 00:00000000 00000000 1000 0 4243 1 0 20 4 30 10 -1";
        const UNACCEPTED: &str = "1: 0100007F:71C3 0100007F:C452 01 00000000:00000000 00:00000000 00000000 0 0 0 1 0 20 4 30 10 -1";
        const OURS: &str = "2: 0100007F:C452 0100007F:71C3 01 00000000:00000000 00:00000000 00000000 77 0 4250 1 0 20 4 30 10 -1";
        let theirs = at("127.0.0.1:29123");
        let holders = |rows: &[&str], at| holders_in(&tables(rows), at, 77);
        assert_eq!(holders(&[LISTEN, ACCEPTED, OURS], theirs), [1000, 65534]);
        assert_eq!(holders(&[ACCEPTED, OURS], theirs), [1000], "it listens no more");
        assert_eq!(holders(&[LISTEN, UNACCEPTED, OURS], theirs), [65534]);
        assert_eq!(holders(&[LISTEN, ACCEPTED], theirs), [65534], "somebody else's connection");
        assert!(holders(&[LISTEN], at("127.0.0.1:29124")).is_empty());
        assert!(holders(&[], theirs).is_empty());
        // One that listens on all addresses, in the other table.
        const ALL: &str = "0: 00000000000000000000000000000000:71C3 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 1001 0 4244 1 0 100 0 0 10 0";
        assert_eq!(holders(&[ALL], theirs), [1001]);
        assert_eq!(holders(&[ALL, LISTEN], theirs), [65534]);
        const MAPPED: &str = "1: 0000000000000000FFFF00000100007F:71C3 0000000000000000FFFF00000100007F:C452 01 00000000:00000000 00:00000000 00000000 1002 0 4245 1 0 20 4 30 10 -1";
        assert_eq!(holders(&[ALL, MAPPED, OURS], theirs), [1002, 1001]);
    }

    #[test]
    fn our_own_listener_is_found_in_the_tables_of_this_machine() {
        let own = rustix::process::geteuid().as_raw();
        for bound in ["127.0.0.1:0", "[::1]:0"] {
            // A machine without IPv6 has nothing to find there.
            let Ok(listener) = std::net::TcpListener::bind(bound) else { continue };
            let theirs = listener.local_addr().unwrap();
            let _ours = std::net::TcpStream::connect(theirs).unwrap();
            assert_eq!(holders(theirs), [own], "not accepted");
            let _accepted = listener.accept().unwrap();
            assert_eq!(holders(theirs), [own, own], "accepted");
        }
    }

    #[test]
    fn each_holder_of_a_port_must_be_one_who_may() {
        let (alice, mallory) = (4_000_000_001, 4_000_000_002);
        let owners = Owners::forgetful(&[], Some(alice));
        let judged = |holders: &[u32]| owners.judge_all(holders, Errand::Secret);
        assert_eq!(judged(&[alice, ROOT]), Ok(Some(alice)));
        assert_eq!(judged(&[]), Ok(None), "a system that does not tell");
        for holders in [[alice, mallory], [mallory, alice], [ROOT, mallory]] {
            assert_eq!(judged(&holders), Err(Held { by: "uid 4000000002".to_owned() }));
        }
    }

    #[tokio::test]
    async fn connections_of_one_turn_share_a_reading_and_no_later_one_does() {
        let owners = Owners::forgetful(&[], None);
        let read = std::cell::Cell::new(0);
        // Each reading finds another user.
        let ask = |at| {
            owners.holders_by(at, |_| {
                read.set(read.get() + 1);
                vec![read.get()]
            })
        };
        let (one, other) = (at("127.0.0.1:29123"), at("[::1]:29123"));
        assert_eq!(join_all([one; 3].map(ask)).await, [[1]; 3]);
        assert_eq!(ask(one).await, [2], "somebody may have taken the port meanwhile");
        assert_eq!(ask(one).await, [3]);
        // The holder of one address need not hold another one.
        assert_eq!(join_all([one, other, one].map(ask)).await, [[4], [5], [6]]);
        assert_eq!(join_all([other; 2].map(ask)).await, [[7]; 2]);
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
        // Once users are named, nobody is trusted for having been first.
        let named = Owners::forgetful(&[UserRef::Id(stranger)], Some(stranger + 1));
        assert!(named.judge_user(stranger, Errand::Secret).is_ok());
        assert!(named.judge_user(stranger + 1, Errand::State).is_err());
    }
}
