//! Bounds of watching: the wait for further changes, and the number of watched files.

use jiff::SignedDuration;

/// The times of a watch. Tests have shorter ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A burst of changes is over when nothing has happened for this long.
    pub(super) quiet: SignedDuration,
    /// A flood is told this long after it began, though it goes on.
    pub(super) longest: SignedDuration,
    /// A file that is being written is waited for this long at most (contract, "Job file").
    pub(super) writing: SignedDuration,
    /// Where the kernel can't tell of changes, they are looked for this often: with a burst and a
    /// reading, a change is in force within 70 s.
    pub(super) look: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: SignedDuration::from_millis(200),
            longest: SignedDuration::from_secs(2),
            writing: SignedDuration::from_secs(10),
            look: SignedDuration::from_secs(60),
        }
    }
}

/// Files whose inodes are watched besides their folders, for what is written through another name
/// or a mount. Each takes a watch, of which a user has 8,192 on small machines; a mount point is
/// watched beyond this number too.
pub(super) const INODES: usize = 256;

/// As many symlinks as Linux follows (path_resolution(7)).
pub(super) const HOPS: usize = 40;

/// What `notify` may have heard and the thread not yet taken: beyond it, that something changed is
/// all that is kept.
pub(super) const HEARD: usize = 1_024;
