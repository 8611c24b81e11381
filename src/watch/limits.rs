//! Bounds of watching: the wait for further changes, and the number of watched files.

use jiff::SignedDuration;

/// The times of a watch. Tests have shorter ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A burst of changes is over when nothing has happened for this long.
    pub(super) quiet: SignedDuration,
    /// A flood is reported this long after it began, even if it goes on.
    pub(super) longest: SignedDuration,
    /// The longest wait for a file that is being written (docs/reference.md, "Job file").
    pub(super) writing: SignedDuration,
    /// The interval of looking for changes where the kernel can't report them: with a burst and a
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

/// Files whose inodes are watched besides their folders, to notice writes through another name or a
/// mount. Each takes a watch, of which a user has 8,192 on small machines; a mount point is watched
/// beyond this number too.
pub(super) const INODES: usize = 256;

/// As many symlinks as Linux follows (path_resolution(7)).
pub(super) const HOPS: usize = 40;

/// Events of `notify` that the thread has not taken yet: beyond it, only that something changed is
/// kept.
pub(super) const HEARD: usize = 1_024;
