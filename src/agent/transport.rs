//! One HTTP request to the agent, and its outcome.
//!
//! It owns every url with a token in it: none leaves this file, and all errors are put into words
//! here, without url and token. It does not interpret answers. Keeps true: each call sends one
//! request on a connection of its own, and never repeats it; another address is tried only while
//! nothing was sent; redirects and proxies are not followed; every wait and every body is bounded.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{
    ACCEPT, CONNECTION, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderValue, USER_AGENT,
};
use secrecy::{ExposeSecret, SecretString};

use super::connection::{NoConnection, Way, Ways};
use super::endpoint::{Endpoint, Outcome, RequestCounters};
use super::exchange::{self, Content, Head, NoBody};
use super::failure::UnusableSettings;
use super::limits::{BODY_MAX, CONNECT_MAX, ERROR_BODY_MAX};
use super::neighbor::{Errand, Owners};
use super::origin;
use super::problem::code_header;
use super::words::fit;
use crate::address::{self, Flaw};
use crate::clock;
use crate::settings::AgentConnection;
use crate::tls::innermost;

/// One request.
pub(super) struct Call<'a> {
    /// The route.
    pub(super) endpoint: Endpoint,
    /// The `token` parameter.
    pub(super) token: Option<&'a SecretString>,
    /// Further parameters.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// A JSON body.
    pub(super) body: Option<Vec<u8>>,
    /// The `X-App-Origin` header.
    pub(super) origin: Option<&'a str>,
    /// An alternative spelling of the endpoint's path.
    pub(super) spelled: Option<&'static str>,
}

impl<'a> Call<'a> {
    /// A request without parameters or body.
    pub(super) fn to(endpoint: Endpoint, token: Option<&'a SecretString>) -> Self {
        Self { endpoint, token, query: &[], body: None, origin: None, spelled: None }
    }
}

/// An answer, at least its status line.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// The `error-code` header.
    pub error_code: Option<String>,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    /// When the request was sent, by our clock.
    pub asked_at: Timestamp,
    /// When the head of the answer had arrived.
    pub answered_at: Timestamp,
    /// The body, or why it could not be read.
    pub body: Result<Vec<u8>, String>,
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SendFailure {
    /// No byte of the request was sent: the connection was not made.
    NotSent(String),
    /// No byte of it was sent: the user who holds the agent's port may not have it.
    PortHeld(String),
    /// Nothing came in time; the agent may have the request.
    TimedOut(String),
    /// The connection broke; the agent may have the request.
    Lost(String),
}

/// The way to one agent.
pub(super) struct Transport {
    ways: Ways,
    base: Url,
    timeout: Duration,
    /// The time for connecting, shorter than the whole, so that "never connected" and "late" can be
    /// told apart.
    connecting: Duration,
    counters: Arc<RequestCounters>,
}

impl Transport {
    pub(super) fn new(
        settings: &AgentConnection,
        owners: Owners,
        counters: Arc<RequestCounters>,
    ) -> Result<Self, UnusableSettings> {
        let base = base_url(settings)?;
        let timeout = Duration::try_from(settings.request_timeout).unwrap_or(Duration::ZERO);
        if timeout.is_zero() {
            let (key, why) = ("agent.request_timeout", "must be longer than 0".to_owned());
            return Err(UnusableSettings { key, why });
        }
        let connecting = CONNECT_MAX.min(timeout / 2).max(Duration::from_millis(1));
        Ok(Self { ways: Ways::new(&base, owners), base, timeout, connecting, counters })
    }

    pub(super) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// The address of the agent, for people.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The agent's address for the notification socket: `ws://…/notification`.
    pub(super) fn notification_url(&self) -> String {
        let mut url = self.url(&["/notification"]);
        url.set_scheme("ws").expect("ws may replace http");
        url.into()
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), segments.concat());
        url.set_path(&path);
        url
    }

    /// Sends one request and reads its answer. The body of a 200 to a cancel is meaningless, and is
    /// left unread; that of one to a POST of a transfer is empty, or shows that it is not a
    /// success.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<RawAnswer, SendFailure> {
        self.send_and_tell_holder(call).await.map(|(answer, _)| answer)
    }

    /// As [`Self::send`]; for a request for the agent's state, it also returns the user at the
    /// other end, if that matters and the system knows.
    pub(super) async fn send_and_tell_holder(
        &self,
        call: Call<'_>,
    ) -> Result<(RawAnswer, Option<u32>), SendFailure> {
        let sent = self.try_each_way(&call).await;
        let outcome = match &sent {
            Ok((answer, _)) => match (answer.status, &answer.body) {
                (200, Ok(_)) => Outcome::Ok,
                // Accepted, whatever happened to its body.
                (200, Err(_)) if matches!(call.endpoint, Endpoint::Submit) => Outcome::Ok,
                (401 | 499, _) => Outcome::Refused,
                _ => Outcome::Error,
            },
            Err(SendFailure::NotSent(_) | SendFailure::PortHeld(_)) => Outcome::Unreachable,
            Err(SendFailure::TimedOut(_)) => Outcome::Timeout,
            Err(SendFailure::Lost(_)) => Outcome::Error,
        };
        self.counters.count(call.endpoint, outcome);
        sent
    }

    async fn try_each_way(&self, call: &Call<'_>) -> Result<(RawAnswer, Option<u32>), SendFailure> {
        let mut failure = None;
        for way in self.ways.in_order() {
            match self.exchange(call, way).await {
                Ok(answer) => return Ok((answer, way.holder())),
                Err(SendFailure::NotSent(words)) => {
                    failure.get_or_insert(SendFailure::NotSent(words));
                }
                // More important than that nobody listens at the other address.
                Err(held @ SendFailure::PortHeld(_)) => failure = Some(held),
                Err(sent @ (SendFailure::TimedOut(_) | SendFailure::Lost(_))) => return Err(sent),
            }
        }
        Err(failure.unwrap_or_else(|| SendFailure::NotSent("no address".into())))
    }

    async fn exchange(&self, call: &Call<'_>, way: &Way) -> Result<RawAnswer, SendFailure> {
        let mut late = pin!(tokio::time::sleep(self.timeout));
        let asked_at = clock::now();
        let head = tokio::select! {
            biased;
            head = self.head(call, way) => head?,
            () = &mut late => {
                return Err(SendFailure::TimedOut(format!("no answer within {:?}", self.timeout)));
            }
        };
        let answered_at = clock::now();
        let status = head.status.as_u16();
        let error_code = code_header(&head.headers);
        let date = head.headers.get(DATE).and_then(date_header);
        let body = tokio::select! {
            biased;
            body = body(head, &call.endpoint, call.token) => body,
            () = &mut late => Err(format!("its body was not complete within {:?}", self.timeout)),
        };
        Ok(RawAnswer { status, error_code, date, asked_at, answered_at, body })
    }

    async fn head(&self, call: &Call<'_>, way: &Way) -> Result<Head, SendFailure> {
        let errand = match call.endpoint == Endpoint::AgentStatus {
            true => Errand::State,
            false => Errand::Secret,
        };
        let request = self.request(call).map_err(|error| not_sent(&error, call.token))?;
        let stream = way.connect(errand, self.connecting).await.map_err(|error| match error {
            NoConnection::Late => SendFailure::NotSent("no connection in time".into()),
            NoConnection::Held(held) => SendFailure::PortHeld(held.to_string()),
            NoConnection::Failed(error) => not_sent(&error, call.token),
        })?;
        exchange::send(stream, request).await.map_err(|error| {
            let words = cause(&error, call.token);
            SendFailure::Lost(format!("the connection broke before an answer: {words}"))
        })
    }

    /// The HTTP request.
    fn request(&self, call: &Call<'_>) -> Result<Request<Content>, hyper::http::Error> {
        let mut url = self.url(&[call.spelled.unwrap_or_else(|| call.endpoint.path())]);
        if call.token.is_some() || !call.query.is_empty() {
            let mut query = url.query_pairs_mut();
            for (name, value) in call.query {
                query.append_pair(name, value);
            }
            if let Some(token) = call.token {
                query.append_pair("token", token.expose_secret());
            }
        }
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let host = url.host_str().unwrap_or("");
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let mut request = Request::builder()
            .method(call.endpoint.method())
            .uri(format!("{}{query}", url.path()))
            .header(HOST, format!("{host}{port}"));
        if let Some(headers) = request.headers_mut() {
            headers.extend(usual_headers());
            if call.body.is_some() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
        }
        if let Some(origin) = call.origin {
            request = request.header(origin::HEADER, origin);
        }
        request.body(Content::new(call.body.clone().unwrap_or_default()))
    }
}

fn usual_headers() -> HeaderMap {
    let program = concat!("transferd/", env!("CARGO_PKG_VERSION"));
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("*/*")),
        (USER_AGENT, HeaderValue::from_static(program)),
        (CONNECTION, HeaderValue::from_static("close")),
    ])
}

async fn body(
    mut head: Head,
    endpoint: &Endpoint,
    token: Option<&SecretString>,
) -> Result<Vec<u8>, String> {
    let limit = match (head.status.as_u16(), endpoint) {
        (200, Endpoint::Cancel) => return Ok(Vec::new()),
        (200, Endpoint::Submit) => ERROR_BODY_MAX,
        (200, _) => BODY_MAX,
        (_, _) => ERROR_BODY_MAX,
    };
    head.body(limit).await.map_err(|error| match error {
        NoBody::TooLong => format!("its body is longer than {limit} bytes"),
        NoBody::Broken(error) => format!("its body broke off: {}", cause(&error, token)),
    })
}

fn not_sent(
    error: &(dyn std::error::Error + 'static),
    token: Option<&SecretString>,
) -> SendFailure {
    SendFailure::NotSent(cause(error, token))
}

/// The innermost cause of a library's error: the one place where such an error becomes text.
fn cause(error: &(dyn std::error::Error + 'static), token: Option<&SecretString>) -> String {
    fit(&innermost(error).to_string(), token)
}

/// The `Date` header (RFC 9110, 5.6.7).
fn date_header(value: &HeaderValue) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(value.to_str().ok()?).ok()
}

/// The meaning of `agent.url`. Its text is not quoted: a person may have put a secret into it.
fn base_url(settings: &AgentConnection) -> Result<Url, UnusableSettings> {
    let refuse = |Flaw { message, hint }: Flaw| {
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        UnusableSettings { key: "agent.url", why: format!("can't be used: {message}{hint}") }
    };
    let url = address::of_agent(&settings.url).map_err(refuse)?;
    match address::clear_text(&url) {
        Some(flaw) if !settings.allow_insecure => Err(refuse(flaw)),
        Some(_) | None => Ok(url),
    }
}

/// The address that was probably meant by an unusable one: the same with `http://` before it. None
/// if it may hold a secret, which must not be repeated.
pub fn mended_url(text: &str) -> Option<String> {
    if text.contains(['@', '?', '#']) {
        return None;
    }
    let rest = text.strip_prefix("https://").or((!text.contains("://")).then_some(text))?;
    let url = format!("http://{}", rest.trim_end_matches('/'));
    let settings = AgentConnection { url, ..AgentConnection::default() };
    base_url(&settings).is_ok().then_some(settings.url)
}
