//! The users of this machine by name and number (passwd(5)). Directory services are not asked: they
//! may hang.

/// The file with their names.
pub(crate) const FILE: &str = "/etc/passwd";

/// The most of it that is read, in bytes: a file of 20,000 users.
pub(crate) const FILE_MAX: u64 = 2 * 1024 * 1024;

/// Names and numbers.
pub(crate) fn entries(users: &str) -> impl Iterator<Item = (&str, u32)> {
    users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        Some((name, number.parse().ok()?)).filter(|_| !name.is_empty())
    })
}

/// `alice (uid 1000)`; absent where the user has no name.
pub(crate) fn named(uid: u32, users: &str) -> Option<String> {
    let (name, _) = entries(users).find(|(_, number)| *number == uid)?;
    Some(format!("{} (uid {uid})", crate::core::plain::plain(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str =
        "root:x:0:0::/root:/bin/sh\n# odd\nalice:x:1000:1000:A,,,:/home/alice:/bin/sh\n";

    #[test]
    fn users_go_by_their_names() {
        let is = |name, uid| entries(USERS).any(|entry| entry == (name, uid));
        assert!(is("alice", 1000) && !is("alice", 0));
    }

    #[test]
    fn a_user_is_named_by_name_and_number() {
        assert_eq!(named(1_000, USERS).as_deref(), Some("alice (uid 1000)"));
        assert_eq!(named(0, USERS).as_deref(), Some("root (uid 0)"));
        assert_eq!(named(7, USERS), None);
    }
}
