//! Detects whether a folder lies on a network file system: locks and shared memory, on which
//! SQLite's log and our own lock rest, do not work there between machines, and often not on one.
//!
//! The kernel has a number for each kind (statfs(2)); for FUSE the name in `/proc/self/mountinfo`
//! (proc(5)) tells which file system it is.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::store::{StoreError, io_error};

const FUSE: u64 = 0x6573_5546;

/// Kinds by statfs(2)'s number.
const KINDS: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x564c, "ncp"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd3, "lustre"),
    (0x1983_0326, "beegfs"),
    (0x4750_4653, "gpfs"),
    (0x0102_1997, "9p"),
    (0x786f_4256, "vboxsf"),
];

/// Names of FUSE file systems whose files are on another machine.
const FUSE_KINDS: &[&str] = &[
    "sshfs",
    "s3fs",
    "rclone",
    "glusterfs",
    "ceph",
    "davfs",
    "davfs2",
    "curlftpfs",
    "gcsfuse",
    "goofys",
    "geesefs",
    "juicefs",
    "seaweedfs",
    "mount-s3",
    "blobfuse",
    "blobfuse2",
    "smbnetfs",
    "moosefs",
    "mfs",
    "lizardfs",
    "onedriver",
    "google-drive-ocamlfuse",
    "gvfsd-fuse",
    "kio-fuse",
];

/// The name of the network file system that the folder lies on; absent if it is a local one.
pub(super) fn kind_of(folder: &Path) -> Result<Option<String>, StoreError> {
    let fault = |error: std::io::Error| io_error(folder, &error);
    let statfs = rustix::fs::statfs(folder).map_err(|error| fault(error.into()))?;
    // Narrowed: some systems widen the number with its sign.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bit pattern")]
    let magic = u64::from(statfs.f_type as u32);
    if magic == FUSE {
        let device = std::fs::metadata(folder).map_err(fault)?.dev();
        // Without /proc the name is unknown; most FUSE file systems are local ones.
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        return Ok(fuse_kind(&mounts, device));
    }
    Ok(KINDS.iter().find(|(number, _)| *number == magic).map(|(_, name)| (*name).to_owned()))
}

/// The name of the network file system of a FUSE device, by the lines of `mountinfo`.
fn fuse_kind(mounts: &str, device: u64) -> Option<String> {
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    mounts.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        if mount.split(' ').nth(2)? != number {
            return None;
        }
        let mut fields = file_system.split(' ');
        let (kind, source) = (fields.next()?, fields.next()?);
        // `fuse.NAME`, or plain `fuse` with the name before a `#` in the source.
        let name = match kind.strip_prefix("fuse.") {
            Some(name) => name,
            None => source.split_once('#')?.0,
        };
        FUSE_KINDS.contains(&name).then(|| format!("fuse.{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
61 25 0:52 / /mnt/far rw,nosuid,nodev - fuse.sshfs me@far: rw,user_id=0
62 25 0:53 / /mnt/disk rw,relatime - fuseblk /dev/sdb1 rw
63 25 0:54 / /mnt/layers rw,relatime - fuse.fuse-overlayfs fuse-overlayfs rw
64 25 0:55 / /mnt/old rw,relatime - fuse sshfs#me@far: rw
";

    #[test]
    fn a_fuse_file_system_is_judged_by_its_name() {
        let device = |minor| rustix::fs::makedev(0, minor);
        assert_eq!(fuse_kind(MOUNTS, device(52)).as_deref(), Some("fuse.sshfs"));
        assert_eq!(fuse_kind(MOUNTS, device(55)).as_deref(), Some("fuse.sshfs"));
        assert_eq!(fuse_kind(MOUNTS, device(53)), None);
        assert_eq!(fuse_kind(MOUNTS, device(54)), None);
        assert_eq!(fuse_kind(MOUNTS, device(99)), None);
    }

    #[test]
    fn a_folder_on_this_machine_is_local() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kind_of(folder.path()).unwrap(), None);
    }
}
