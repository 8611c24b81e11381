//! Addresses of HTTP servers: which texts are one, and which of them are on this machine.
//!
//! One parser and one judgement for the job file, the agent's client and alerts, so that what the
//! job file accepts can be used. No message quotes an address, since it may hold a secret. Looks no
//! name up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, ParseError, Url};

use crate::core::plain::plain;

/// What is wrong with an address, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The problem.
    pub message: String,
    /// The fix, where there is one to name.
    pub hint: Option<String>,
}

impl Flaw {
    fn new(message: &str) -> Self {
        Self { message: message.to_owned(), hint: None }
    }

    fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}

/// An address that starts with `http://` or `https://`, in either case.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Url, Flaw> {
    parse_of(&["http", "https"], text)
}

fn parse_of(schemes: &[&str], text: &str) -> Result<Url, Flaw> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Flaw::new("an address holds no spaces or control characters"));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    if !schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let (either, both) = match schemes.len() {
            1 => ("`http://`", "`http://` is"),
            _ => ("`http://` or `https://`", "`http://` and `https://` are"),
        };
        let flaw = Flaw::new(&format!("expected an address that starts with {either}"));
        return Err(flaw.hint(&match text.contains("://") {
            true => format!("only {both} spoken"),
            false => format!("write it with {either} before it"),
        }));
    }
    let server = rest.split(['/', '?', '#']).next().unwrap_or("");
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    // The library forgives these, as browsers do: what stands there would not be what was written.
    if server.is_empty() {
        return Err(said(ParseError::EmptyHost));
    }
    if server.contains('\\') {
        return Err(said(ParseError::InvalidDomainCharacter));
    }
    if server.starts_with('[') && !server.contains(']') {
        return Err(Flaw::new("the address has a `[` without its `]`"));
    }
    if server.ends_with(':') {
        return Err(said(ParseError::InvalidPort));
    }
    let url = Url::parse(text).map_err(said)?;
    match url.port() {
        Some(0) => Err(said(ParseError::InvalidPort)),
        Some(_) | None => Ok(url),
    }
}

/// The agent's address: plain http, which is all that the agent serves, with nothing but host, port
/// and path.
///
/// # Errors
/// What is wrong with it.
pub fn of_agent(text: &str) -> Result<Url, Flaw> {
    if text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) {
        let flaw = Flaw::new("the agent does not speak https");
        return Err(flaw.hint(
            "write `http://…`; to reach an agent on another host safely, lead its port here through \
             a tunnel, for example with `ssh -L`",
        ));
    }
    let url = parse_of(&["http"], text)?;
    if has_user(&url) {
        let flaw = Flaw::new("a name or password does not belong in the address");
        return Err(flaw.hint("the agent takes a token: name it with `token_file`"));
    }
    if has_tail(&url) {
        let flaw = Flaw::new("the agent's address has no `?` or `#` part");
        return Err(flaw.hint("the token is added by transferd: name it with `token_file`"));
    }
    Ok(url)
}

/// What is wrong with sending a token to this address, unless `agent.allow_insecure` is set.
pub fn clear_text(url: &Url) -> Option<Flaw> {
    (url.scheme() != "https" && !is_here(url)).then(|| {
        let host = plain(url.host_str().unwrap_or(""));
        let flaw =
            Flaw::new(&format!("the token would go to `{host}` in clear text, over plain http"));
        flaw.hint(
            "run transferd beside the agent, and use `http://localhost:…`, or write \
             `allow_insecure: true` if the network between is trusted",
        )
    })
}

/// True if there is a name or a password before the host.
pub fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// True if there is a `?` or `#` part.
pub fn has_tail(url: &Url) -> bool {
    url.query().is_some() || url.fragment().is_some()
}

/// True if the server is on this machine.
pub fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    }
}

/// True for `localhost` and the names below it, which are this machine whatever a resolver says
/// (RFC 6761, 6.3).
pub fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// True if a process that listens at `here` takes connections that are meant for the server.
pub fn takes_from(here: SocketAddr, url: &Url) -> bool {
    let everywhere = here.ip().is_unspecified() && is_here(url);
    let same = match url.host() {
        Some(Host::Ipv4(address)) => here.ip().to_canonical() == IpAddr::V4(address),
        Some(Host::Ipv6(address)) => here.ip().to_canonical() == address.to_canonical(),
        Some(Host::Domain(name)) => {
            is_localhost(name) && loopback(0).iter().any(|at| at.ip() == here.ip().to_canonical())
        }
        None => false,
    };
    (everywhere || same) && url.port_or_known_default() == Some(here.port())
}

/// Both addresses of this machine, in the order in which .NET listens for `localhost`.
pub fn loopback(port: u16) -> [SocketAddr; 2] {
    [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
    ]
}

fn said(error: ParseError) -> Flaw {
    match error {
        ParseError::EmptyHost => {
            Flaw::new("the address names no host").hint("for example `http://localhost:29123`")
        }
        ParseError::InvalidPort => Flaw::new("the address's port is not a number from 1 to 65535"),
        ParseError::InvalidIpv4Address => Flaw::new(
            "the address's host ends in a number, and is not an IPv4 address: that is four numbers \
             up to 255",
        ),
        ParseError::InvalidIpv6Address => Flaw::new("what stands in `[…]` is not an IPv6 address"),
        ParseError::InvalidDomainCharacter => {
            Flaw::new("the address's host has a character that no host has")
        }
        ParseError::IdnaError => Flaw::new("the address's host is not a valid name"),
        // The list may grow.
        other => Flaw::new(&format!("this is not an address: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_for_the_library_that_connects_too() {
        for good in [
            "http://localhost:29123",
            "HTTP://127.0.0.1:1",
            "hTTps://host_name/a/b?c#d",
            "http://[::1]:1/",
            "http://bücher.example",
            "http://user:pw@host/",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("http://10.0.0.256:1", "IPv4"),
            ("http://1.2.3.4.5/", "IPv4"),
            ("http://xn--a:1", "not a valid name"),
            ("http://a%zz:1", "host"),
            ("http://a\\b/", "character"),
            ("http://[fe80::1%25eth0]:1", "IPv6"),
            ("http://[::1", "without its"),
            ("http://", "no host"),
            ("http:///x", "no host"),
            ("http://@/x", "no host"),
            ("http:host", "starts with"),
            ("host:1", "starts with"),
            ("ftp://host", "starts with"),
            ("http://host:", "port"),
            ("http://host:0", "port"),
            ("http://host:65536", "port"),
            ("http://host:x", "port"),
            ("http://a b", "spaces"),
        ] {
            let flaw = parse(bad).expect_err(bad);
            assert!(flaw.message.contains(words), "{bad}: {flaw:?}");
        }
    }

    #[test]
    fn localhost_and_the_names_below_it_are_this_machine() {
        let here = |text: &str| is_here(&parse(text).unwrap());
        for yes in [
            "http://localhost",
            "http://LOCALHOST.:1",
            "http://box.localhost",
            "http://127.1:1",
            "http://127.9.8.7",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(here(yes), "{yes}");
            assert_eq!(clear_text(&parse(yes).unwrap()), None, "{yes}");
        }
        for no in [
            "http://localhost.example",
            "http://notlocalhost",
            "http://0.0.0.0",
            "http://[::2]",
            "http://127.0.0.1.example",
        ] {
            assert!(!here(no), "{no}");
            assert!(clear_text(&parse(no).unwrap()).is_some(), "{no}");
        }
    }

    #[test]
    fn a_port_that_both_would_listen_at_is_known_without_a_look_up() {
        let takes = |here: &str, url: &str| takes_from(here.parse().unwrap(), &parse(url).unwrap());
        for (here, url) in [
            ("127.0.0.1:29123", "http://localhost:29123"),
            ("[::1]:29123", "http://box.localhost:29123"),
            ("127.0.0.1:29123", "http://127.0.0.1:29123"),
            ("0.0.0.0:29123", "http://127.0.0.1:29123/api"),
            ("[::]:29123", "http://localhost:29123"),
            ("192.0.2.7:80", "http://192.0.2.7"),
        ] {
            assert!(takes(here, url), "{here} {url}");
        }
        for (here, url) in [
            ("127.0.0.1:29124", "http://localhost:29123"),
            ("127.0.0.2:29123", "http://localhost:29123"),
            ("0.0.0.0:29123", "http://192.0.2.7:29123"),
            ("127.0.0.1:29123", "http://agent.example:29123"),
        ] {
            assert!(!takes(here, url), "{here} {url}");
        }
    }
}
