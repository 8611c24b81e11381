//! Detects file systems whose files may change on another machine, for which the kernel reports no
//! events.

use std::path::Path;

/// The numbers of statfs(2), as coreutils' `stat` and `tail` sort them (`human_fstype`, "remote").
const REMOTE: [(u32, &str); 26] = [
    (0x6163_6673, "acfs"),
    (0x5346_414f, "afs"),
    (0x6175_6673, "aufs"),
    (0x1983_0326, "BeeGFS"),
    (0x00c3_6400, "ceph"),
    (0xff53_4d42, "cifs"),
    (0x7375_7245, "coda"),
    (0x6573_5546, "FUSE"),
    (0x6573_5543, "fusectl"),
    (0x0116_1970, "gfs"),
    (0x4750_4653, "gpfs"),
    (0x0131_11a8, "ibrix"),
    (0x6b41_4653, "afs"),
    (0x0bd0_0bd0, "lustre"),
    (0x564c, "novell"),
    (0x6969, "nfs"),
    (0x6e66_7364, "nfsd"),
    (0x7461_636f, "ocfs2"),
    (0xaad7_aaea, "panfs"),
    (0x7c7c_6673, "prl_fs"),
    (0x517b, "smb"),
    (0xfe53_4d42, "smb2"),
    (0xbeef_dead, "snfs"),
    (0x0102_1997, "9p"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
];

/// The name of a folder's file system, if other machines can change it without an event.
pub(super) fn file_system(folder: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(folder).ok()?;
    // The kernel's number has 32 bits, whatever the width and sign of the field.
    let kind = u32::try_from(i128::from(found.f_type) & 0xffff_ffff).ok()?;
    name(kind)
}

fn name(kind: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_and_shared_folders_are_known_and_disks_are_not() {
        for (kind, called) in [(0x6969, "nfs"), (0x786f_4256, "vboxsf"), (0xbacb_acbc, "vmhgfs")] {
            assert_eq!(name(kind), Some(called));
        }
        // ext4, xfs, btrfs, tmpfs, overlayfs, zfs.
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1] {
            assert_eq!(name(local), None, "{local:x}");
        }
        assert_eq!(file_system(Path::new("/proc")), None);
    }
}
