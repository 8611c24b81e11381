//! The user at the other end of a connection, as the kernel knows it (unix(7), SO_PEERCRED), so
//! that each action can be traced to a person.

use tokio::net::UnixStream;

use crate::users;

/// The user who asks.
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
        let mut text = Vec::new();
        if let Ok(file) = tokio::fs::File::open(users::FILE).await {
            // Without its name the number has to do.
            let _ = file.take(users::FILE_MAX).read_to_end(&mut text).await;
        }
        Some(named(uid, &String::from_utf8_lossy(&text)))
    }
}

fn named(uid: u32, users: &str) -> String {
    users::named(uid, users).unwrap_or_else(|| format!("uid {uid}"))
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
