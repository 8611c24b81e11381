//! The parts of an address that are secret by themselves: a receiver's answer quotes a path without
//! its host, or the id in it alone.
//!
//! Words are left out: a path also holds names, those of jobs among them, which have to stay
//! readable elsewhere.

/// A shorter part is not long enough to be one that can't be guessed.
const LEAST: usize = 10;

/// The password, and the parts of path and query that look random.
pub(super) fn secret_parts(address: &str) -> impl Iterator<Item = &str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let login = authority.rsplit_once('@').map(|(login, _)| login);
    let password = login.map(|login| login.split_once(':').map_or(login, |(_, word)| word));
    let parts = path.split(['/', '?', '&', '=', '#', ';', ':']).filter(|part| is_random(part));
    password.into_iter().chain(parts)
}

/// True for what is no word: letters and digits mixed, or large and small letters within a word, or
/// longer than words are.
fn is_random(part: &str) -> bool {
    /// The longest words of paths are shorter.
    const WORD_MAX: usize = 20;
    let is_no_word = |word: &str| {
        let has = |is: fn(&char) -> bool| word.chars().any(|c| is(&c));
        let has_digit = has(char::is_ascii_digit);
        has_digit && has(char::is_ascii_alphabetic)
            || word.chars().skip(1).any(|c| c.is_ascii_uppercase()) && has(char::is_ascii_lowercase)
            || word.len() >= WORD_MAX
    };
    part.len() >= LEAST && part.split(|c: char| !c.is_ascii_alphanumeric()).any(is_no_word)
}

#[cfg(test)]
mod tests {
    use super::secret_parts;

    #[test]
    fn ids_and_passwords_are_secret_and_names_are_not() {
        for (address, parts) in [
            (
                "https://hc-ping.com/9f3c1e77-5b1a-4c0d-8e2f-abcdef012345/start",
                vec!["9f3c1e77-5b1a-4c0d-8e2f-abcdef012345"],
            ),
            (
                "https://hc-ping.com/aB3dE5gH7jK9mN1pQ3rS5t/nightly-backup-2",
                vec!["aB3dE5gH7jK9mN1pQ3rS5t"],
            ),
            (
                "https://api.telegram.org/bot123456:AAH-xyz0123456/send?text=x",
                vec!["AAH-xyz0123456"],
            ),
            ("https://h/hooks/incoming?key=abcDEF123456&name=transferd", vec!["abcDEF123456"]),
            ("http://me:pass word@h/alerts", vec!["pass word"]),
            ("http://h:29123/alerts/of-the-night-shift/2026-11-28", vec![]),
            ("http://h", vec![]),
        ] {
            assert_eq!(secret_parts(address).collect::<Vec<_>>(), parts, "{address}");
        }
    }
}
