//! The control socket as a file: bound with the right mode from its first instant, reached whatever
//! the length of its path, removed by the daemon that bound it.
//!
//! Does not know the requests and answers sent over it.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fchmod};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The name of the socket in its folder.
pub const NAME: &str = "control.sock";

/// The kernel's limit on a Unix socket's path, without the closing zero (unix(7)).
const PATH_MAX: usize = 107;

/// Connections that wait to be accepted; more than any person opens at once.
const BACKLOG: i32 = 64;

/// A path by which a socket can be bound or reached even if its own is too long: then it leads
/// through the open folder, by `/proc/self/fd`. Valid as long as this value lives.
#[derive(Debug)]
pub struct Reachable {
    path: PathBuf,
    _folder: Option<File>,
}

impl Reachable {
    /// A way to the socket at `path`, whose folder exists.
    pub fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= PATH_MAX {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let folder = OpenOptions::new().read(true).custom_flags(flags).open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    /// The path to use.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether there is a listener at `path`. Does not wait until the connection is accepted.
pub fn answers(path: &Path) -> io::Result<()> {
    let reachable = Reachable::new(path)?;
    match rustix::net::connect(&socket()?, &SocketAddrUnix::new(reachable.path())?) {
        // The queue of waiting connections is full: see `is_crowded`.
        Err(Errno::AGAIN) => Ok(()),
        other => Ok(other?),
    }
}

/// Whether there is a listener without room for another waiting connection (`EAGAIN`, connect(2)).
pub fn is_crowded(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// A bound control socket. Its file goes with this value, unless another has taken its place.
#[derive(Debug)]
pub struct Bound {
    path: PathBuf,
    identity: Identity,
}

/// Identifies the file of a bound socket: device and inode. A change of its mode or owner leaves it
/// the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64, u64);

impl Mark {
    /// Whether that file is at `path`.
    pub fn is_at(self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|found| Self(found.dev(), found.ino()) == self)
    }
}

/// Device, inode, and when the inode last changed: numbers of removed files are used again.
type Identity = (u64, u64, i64, i64);

impl Bound {
    /// Binds the socket at `path`, which gets `mode`. The file of a dead daemon is replaced.
    ///
    /// # Errors
    /// `AddrInUse` if a daemon answers at `path`; otherwise the kernel's error.
    pub fn bind(path: &Path, mode: u32) -> io::Result<(Self, UnixListener)> {
        match answers(path) {
            Ok(()) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => std::fs::remove_file(path)?,
        }
        let reachable = Reachable::new(path)?;
        let socket = listening_socket(reachable.path(), mode)?;
        // The umask may have taken the group's bits.
        std::fs::set_permissions(reachable.path(), PermissionsExt::from_mode(mode))?;
        let identity = identity(&std::fs::symlink_metadata(reachable.path())?);
        let listener = UnixListener::from(socket);
        Ok((Self { path: path.to_owned(), identity }, listener))
    }
}

impl Bound {
    /// The identity of the socket's file, to check whether it is still there.
    pub fn mark(&self) -> Mark {
        Mark(self.identity.0, self.identity.1)
    }
}

impl Bound {
    /// Removes the socket's file, unless another has taken its place.
    pub fn remove(&self) {
        let ours = std::fs::symlink_metadata(&self.path).map(|found| identity(&found));
        if ours.is_ok_and(|found| found == self.identity) {
            // A leftover is replaced by the next daemon anyway.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.remove();
    }
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
}

/// A socket whose file is never more open than `mode`: Linux gives the file the mode that the
/// socket has when it is bound.
fn listening_socket(path: &Path, mode: u32) -> io::Result<OwnedFd> {
    let socket = socket()?;
    fchmod(&socket, Mode::from_raw_mode(mode))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// A socket that blocks nobody, neither bound nor connected.
fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_longer_than_the_kernel_takes_is_bound_and_reached() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let path = deep.join(NAME);
        let (bound, _listener) = Bound::bind(&path, 0o600).unwrap();
        answers(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_group_may_be_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let (_bound, _listener) = Bound::bind(&path, 0o660).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o660);
    }

    #[test]
    fn a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let (first, listener) = Bound::bind(&path, 0o600).unwrap();
        let busy = Bound::bind(&path, 0o600).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::AddrInUse);
        assert!(first.mark().is_at(&path));
        drop(listener);
        let (_second, _listener) = Bound::bind(&path, 0o600).unwrap();
        drop(first);
        answers(&path).unwrap();
    }
}
