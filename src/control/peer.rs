//! Who asks: the user at the other end of a connection, as the kernel knows it (unix(7),
//! SO_PEERCRED), so that what was done can be laid at somebody's door.

use tokio::net::UnixStream;

/// Where the machine's own users have their names (passwd(5)). Those of a directory service are
/// not asked for: it may hang.
const USERS: &str = "/etc/passwd";

/// More than this of it is not read.
const USERS_BYTES_MAX: u64 = 1 << 20;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer(Option<u32>);

impl Peer {
    /// The user at the other end.
    pub(super) fn of(stream: &UnixStream) -> Self {
        Self(stream.peer_cred().ok().map(|cred| cred.uid()))
    }

    /// `alice (uid 1000)`, or `uid 1000` where the machine has no name for it.
    pub(super) async fn words(self) -> Option<String> {
        use tokio::io::AsyncReadExt as _;
        let uid = self.0?;
        let mut users = Vec::new();
        if let Ok(file) = tokio::fs::File::open(USERS).await {
            // Without its name the number has to do.
            let _ = file.take(USERS_BYTES_MAX).read_to_end(&mut users).await;
        }
        Some(named(uid, &String::from_utf8_lossy(&users)))
    }
}

fn named(uid: u32, users: &str) -> String {
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    });
    match name {
        Some(name) => format!("{} (uid {uid})", crate::core::plain::plain(name)),
        None => format!("uid {uid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_name_and_number() {
        let users =
            "root:x:0:0::/root:/bin/sh\n# odd\nalice:x:1000:1000:A,,,:/home/alice:/bin/sh\n";
        assert_eq!(named(1_000, users), "alice (uid 1000)");
        assert_eq!(named(0, users), "root (uid 0)");
        assert_eq!(named(7, users), "uid 7");
    }
}
