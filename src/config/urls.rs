//! Addresses in the job file. An alert's address is a secret: no message quotes it.

use super::node::{Kind, Node};
use super::problem::{Problem, cut};
use super::reader::{Read, Reader};
use super::values::{PublicUrl, SecretUrl, Url, text};

/// The relevant parts of an address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// `https`, not `http`.
    pub(crate) secure: bool,
    /// Host without port or brackets.
    pub(crate) host: &'a str,
    /// The part before an `@`.
    user: Option<&'a str>,
    /// There is a `?` or `#` part.
    extra: bool,
}

/// Splits an address, or returns the problem and the fix, quoting nothing.
pub(crate) fn parts(url: &str) -> Result<Parts<'_>, (String, Option<String>)> {
    let no = |message: &str, hint: Option<&str>| (message.to_owned(), hint.map(str::to_owned));
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(no("an address holds no spaces or control characters", None));
    }
    let (secure, rest) = if let Some(rest) = url.strip_prefix("http://") {
        (false, rest)
    } else if let Some(rest) = url.strip_prefix("https://") {
        (true, rest)
    } else {
        let hint = if url.contains("://") {
            "only `http://` and `https://` are spoken"
        } else {
            "write it with `http://` or `https://` before it"
        };
        return Err(no("expected an address that starts with `http://` or `https://`", Some(hint)));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host_port)) => (Some(user), host_port),
        None => (None, authority),
    };
    let (host, port) = if let Some(bracketed) = host_port.strip_prefix('[') {
        let Some((host, after)) = bracketed.split_once(']') else {
            return Err(no("the address has a `[` without its `]`", None));
        };
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(no("what stands in `[…]` is no IPv6 address", None));
        }
        (host, after.strip_prefix(':').or((!after.is_empty()).then_some("")))
    } else {
        match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        }
    };
    if host.is_empty() {
        return Err(no("the address names no host", Some("for example `http://localhost:29123`")));
    }
    if !host.chars().all(|c| c.is_alphanumeric() || "-._:%".contains(c)) {
        return Err(no("the address's host has a character that no host has", None));
    }
    if let Some(port) = port
        && !matches!(port.parse::<u16>(), Ok(1..))
    {
        return Err(no("the address's port is not a number from 1 to 65535", None));
    }
    Ok(Parts { secure, host, user, extra: tail.contains(['?', '#']) })
}

impl Parts<'_> {
    /// True when the address is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let name = self.host.to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Read for Url {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let spot = reader.spot(node);
        if let Kind::Integer(port) = &node.kind {
            reader.tell(
                Problem::error(spot, format!("expected an address, found the number `{port}`"))
                    .hint(format!("write `http://localhost:{port}`")),
            );
            return None;
        }
        let url = text(node, reader, "an address such as `http://localhost:29123`")?;
        match parts(url) {
            Err((message, hint)) => {
                reader.tell(Problem::error(spot, message).maybe_hint(hint));
                None
            }
            Ok(Parts { user: Some(_), .. }) => {
                reader.tell(
                    Problem::error(spot, "a name or password does not belong in the address")
                        .hint("the agent takes a token: name it with `token_file`"),
                );
                None
            }
            Ok(Parts { extra: true, .. }) => {
                reader.tell(
                    Problem::error(spot, "the agent's address has no `?` or `#` part")
                        .hint("the token is added by transferd: name it with `token_file`"),
                );
                None
            }
            Ok(Parts { user: None, extra: false, .. }) => {
                Some(Self(url.trim_end_matches('/').to_owned()))
            }
        }
    }
}

impl Read for PublicUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let url = text(node, reader, "an address such as `https://transfers.example.com`")?;
        let spot = reader.spot(node);
        match parts(url) {
            Err((message, hint)) => {
                reader.tell(Problem::error(spot, message).maybe_hint(hint));
                None
            }
            Ok(Parts { user: Some(_), .. } | Parts { extra: true, .. }) => {
                reader.tell(
                    Problem::error(
                        spot,
                        "`external_url` is scheme, host, port and path, without a name, `?` or `#`",
                    )
                    .hint("for example `https://transfers.example.com`"),
                );
                None
            }
            Ok(Parts { user: None, extra: false, .. }) => {
                Some(Self(url.trim_end_matches('/').to_owned()))
            }
        }
    }
}

impl Read for SecretUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let url = text(node, reader, "an address that starts with `https://`")?;
        let spot = reader.spot(node);
        match parts(url) {
            Err((message, hint)) => {
                reader.tell(Problem::error(spot, message).maybe_hint(hint));
                None
            }
            Ok(_) => Some(Self(url.to_owned())),
        }
    }
}

/// Reports an address to which a token would go in clear text.
pub(crate) fn clear_text(url: &str) -> Option<String> {
    let parts = parts(url).ok()?;
    (!parts.secure && !parts.is_loopback()).then(|| {
        format!("the token would go to `{}` in clear text, over plain http", cut(parts.host))
    })
}
