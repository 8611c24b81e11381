//! Access control for the web server, and the security headers of every answer.
//!
//! Keeps true: nothing is changed by any request; a page of another site that points its name at
//! this machine is not answered (DNS rebinding), shows none of this in a frame, and reads nothing.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use super::listener::Wanted;

/// Names that lead to this machine wherever they are looked up (RFC 6761, section 6.3; hosts(5) as
/// it is installed).
const LOOPBACK_NAMES: [&str; 4] =
    ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];

/// Paths for machines, which may use any name of this host.
const FOR_MACHINES: [&str; 2] = ["/metrics", "/healthz"];

/// The security headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The policy of an answer that is not a page: nothing may be loaded.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'none'";

/// Decides which requests an address lets in.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// Only this machine can connect, so only its own names can be meant.
    loopback: bool,
    /// Holds the name by which people reach us from elsewhere.
    wanted: watch::Receiver<Wanted>,
}

/// Lets a request in, or refuses it with a reason; adds the security headers to every answer.
pub(super) async fn let_in(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let mut response = if ![Method::GET, Method::HEAD].contains(request.method()) {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        (StatusCode::METHOD_NOT_ALLOWED, allowed, "nothing can be changed here\n").into_response()
    } else if gate.lets_in(&request) {
        next.run(request).await
    } else {
        let words = "ask by an address, by `localhost`, or by the name in `external_url`\n";
        (StatusCode::MISDIRECTED_REQUEST, words).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert(HeaderValue::from_static(NOTHING));
    response
}

impl Gate {
    pub(super) fn new(at: SocketAddr, wanted: watch::Receiver<Wanted>) -> Self {
        Self { loopback: at.ip().is_loopback(), wanted }
    }

    /// Whether a request is meant for us. One with two hosts may mean another, and since HTTP/1.1
    /// each names one (RFC 9112, section 3.2).
    fn lets_in<B>(&self, request: &axum::http::Request<B>) -> bool {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (host, other) = (hosts.next(), hosts.next());
        let old = request.version() < Version::HTTP_11;
        let well_named = other.is_none() && (host.is_some() || old);
        well_named && self.is_meant(request.uri(), host)
    }

    /// Whether a request is meant for us, by its `Host`. Browsers always send one.
    fn is_meant(&self, uri: &Uri, host: Option<&HeaderValue>) -> bool {
        if !self.loopback && FOR_MACHINES.contains(&uri.path()) {
            return true;
        }
        // The host in a request's first line takes precedence (RFC 9112, section 3.2.2).
        let host = match (uri.host(), host) {
            (Some(host), _) => host,
            (None, None) => return true,
            (None, Some(host)) => match host.to_str() {
                Ok(host) => without_port(host),
                Err(_) => return false,
            },
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return !self.loopback
                || address.to_canonical().is_loopback()
                || self.is_external(host);
        }
        is_loopback_name(host) || self.is_external(host)
    }

    /// Whether it is the name in `external_url`.
    fn is_external(&self, host: &str) -> bool {
        let wanted = self.wanted.borrow();
        wanted.external_host.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(host))
    }
}

/// A host without its port. The colons of an address in brackets do not precede one.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

fn is_loopback_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    LOOPBACK_NAMES.contains(&host.as_str()) || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(at: &str) -> Gate {
        let external_host = Some("Transfers.example.com".to_owned());
        let (_, wanted) = watch::channel(Wanted { at: None, external_host });
        Gate::new(at.parse().unwrap(), wanted)
    }

    fn is_meant(gate: &Gate, path: &str, host: &str) -> bool {
        gate.is_meant(&path.parse().unwrap(), Some(&HeaderValue::from_str(host).unwrap()))
    }

    const STRANGERS: [&str; 7] = [
        "evil.example:29180",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "transfers.example.com.evil.example",
        "",
        ":1",
    ];

    #[test]
    fn on_loopback_only_loopback_and_the_external_name_are_answered_on_every_path() {
        let gate = gate("127.0.0.1:29180");
        for path in ["/", "/metrics", "/healthz", "/events", "/api/status", "/runs/1"] {
            for host in [
                "127.0.0.1:29180",
                "127.0.0.1",
                "127.8.8.8",
                "[::1]:29180",
                "[::1]",
                "LocalHost:1",
                "localhost.",
                "box.localhost:1",
                "transfers.example.com",
                "TRANSFERS.example.com:443",
            ] {
                assert!(is_meant(&gate, path, host), "{path} {host}");
            }
            for host in STRANGERS.into_iter().chain(["192.0.2.7", "[2001:db8::1]:80"]) {
                assert!(!is_meant(&gate, path, host), "{path} {host}");
            }
            assert!(!is_meant(&gate, &format!("http://evil.example{path}"), "localhost"));
            assert!(gate.is_meant(&path.parse().unwrap(), None), "HTTP/1.0 names no host");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let gate = gate("127.0.0.1:29180");
        let lets_in = |version, hosts: &[&str]| {
            let mut request = axum::http::Request::builder().version(version).uri("/");
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            gate.lets_in(&request.body(()).unwrap())
        };
        assert!(lets_in(Version::HTTP_11, &["localhost"]));
        assert!(lets_in(Version::HTTP_10, &[]));
        assert!(!lets_in(Version::HTTP_11, &[]));
        assert!(!lets_in(Version::HTTP_11, &["localhost", "evil.example"]));
        assert!(!lets_in(Version::HTTP_10, &["localhost", "localhost"]));
    }

    #[test]
    fn elsewhere_addresses_and_the_external_name_are_for_people_and_any_name_for_machines() {
        let gate = gate("0.0.0.0:29180");
        for host in ["192.0.2.7:29180", "[2001:db8::1]", "localhost", "transfers.example.com"] {
            assert!(is_meant(&gate, "/", host), "{host}");
        }
        for host in STRANGERS {
            assert!(!is_meant(&gate, "/", host), "{host}");
            assert!(!is_meant(&gate, "/events", host), "{host}");
            assert!(is_meant(&gate, "/metrics", host), "{host}");
            assert!(is_meant(&gate, "/healthz", host), "{host}");
        }
    }
}
