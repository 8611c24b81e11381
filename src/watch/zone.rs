//! Tells that the machine's time zone was set: that `/etc/localtime` was put in place.
//!
//! Not `notify`, which asks the kernel to tell of every file that is opened below `/etc` as well:
//! each program that starts would wake an idle daemon.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Room for some dozens of events: what does not fit is read in the next turn.
const BUFFER: usize = 4_096;

/// Watches one name in one folder for being created, replaced or removed.
#[derive(Debug)]
pub struct ZoneWatch {
    inotify: AsyncFd<OwnedFd>,
    name: Vec<u8>,
}

impl ZoneWatch {
    /// Watches `link`, as `/etc/localtime` is one. Must be called inside a runtime.
    ///
    /// # Errors
    /// What the kernel says: no folder, or no more watches to be had.
    pub fn start(link: &Path) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (link.parent(), link.file_name()) else {
            return Err(io::Error::other("no file is named"));
        };
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let put = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE;
        add_watch(&inotify, folder, put | WatchFlags::ONLYDIR)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types that change their descriptor; OwnedFd can't"
        )]
        let inotify = AsyncFd::with_interest(inotify, Interest::READABLE)?;
        Ok(Self { inotify, name: name.as_encoded_bytes().to_vec() })
    }

    /// Waits until it was set. May be dropped and called again without losing a change.
    pub async fn changed(&self) {
        loop {
            let Ok(mut ready) = self.inotify.readable().await else {
                // The runtime is going away.
                return std::future::pending().await;
            };
            if self.names_ours() {
                return;
            }
            ready.clear_ready();
        }
    }

    /// Reads events until there are none, or one is about our name.
    fn names_ours(&self) -> bool {
        let mut buffer = [std::mem::MaybeUninit::uninit(); BUFFER];
        let mut events = Reader::new(self.inotify.get_ref(), &mut buffer);
        while let Ok(event) = events.next() {
            if event.file_name().is_some_and(|name| name.to_bytes() == self.name) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_link_that_is_replaced_is_told_and_a_file_that_is_opened_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("localtime");
        let watch = ZoneWatch::start(&link).unwrap();
        let other = folder.path().join("other");
        std::fs::write(&other, "x").unwrap();
        std::fs::read(&other).unwrap();
        assert!(!watch.names_ours());
        std::os::unix::fs::symlink("/usr/share/zoneinfo/UTC", other.with_extension("new")).unwrap();
        std::fs::rename(other.with_extension("new"), &link).unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
    }
}
