//! Webhooks and pings: one POST each, and the meaning of the answer.
//!
//! Errors are put into words here, and nowhere else: a library's own messages contain the address.

use std::path::Path;
use std::{io, thread};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::document::Document;
use super::limits::{ANSWER_MAX, CONNECT_MAX, SAID_MAX};
use super::secrets::{Secrets, masked};
use crate::clock;
use crate::core::alert::Delivery;
use crate::core::job::SecretText;
use crate::core::plain::one_line;
use crate::privacy::mask;
use crate::tls::{self, innermost};
use crate::words::without_innards;

/// POSTs the document.
pub(super) async fn webhook(
    document: &Document<'_>,
    url: &SecretText,
    headers_file: Option<&Path>,
    secrets: &Secrets,
) -> Result<(), Delivery> {
    let url = address(url, secrets).await?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(path) = headers_file {
        // One of them may set the content type for the receiver.
        let (path, secrets) = (path.to_owned(), secrets.clone());
        for (name, value) in &beside(move || secrets.headers(&path)).await? {
            headers.insert(name.clone(), value.clone());
        }
    }
    let body = document.json();
    let said = answer_to(&url, headers, body).await?;
    if tells_of_failure(&said) { Err(Delivery::Refused(otherwise(&said, &url))) } else { Ok(()) }
}

/// POSTs the reason to the address, or to the one below it for the event.
pub(super) async fn ping(
    document: &Document<'_>,
    url: &SecretText,
    secrets: &Secrets,
) -> Result<(), Delivery> {
    let mut url = address(url, secrets).await?;
    let suffix = document.ping_suffix();
    if !suffix.is_empty() {
        let path = format!("{}{suffix}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    if let Some(run) = document.run {
        // With it healthchecks.io measures how long a run takes, also where runs overlap.
        url.query_pairs_mut().append_pair("rid", &run.to_string());
    }
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, text)]);
    let body = mask(document.reason).into_owned().into_bytes();
    let said = answer_to(&url, headers, body).await?;
    says_otherwise(&said, &url).map_or(Ok(()), Err)
}

/// The beginning of the answer to one POST, if its status is good.
async fn answer_to(url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<String, Delivery> {
    let url = url.clone();
    let talk = async move { Ok(beginning(&mut post(url, headers, body).await?).await) };
    apart(talk).await
}

async fn address(url: &SecretText, secrets: &Secrets) -> Result<Url, Delivery> {
    let (url, secrets) = (url.clone(), secrets.clone());
    beside(move || secrets.address(&url)).await
}

/// Reads a file beside the loop, which a file system that does not answer must not hold up.
async fn beside<T: Send + 'static>(
    reading: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Delivery> {
    match timeout(ANSWER_MAX, tokio::task::spawn_blocking(reading)).await {
        Ok(Ok(read)) => read.map_err(Delivery::Failed),
        Ok(Err(_)) => Err(Delivery::Failed("internal error: its file could not be read".into())),
        Err(_) => {
            let words = format!("its file could not be read within {ANSWER_MAX:?}");
            Err(Delivery::Failed(format!("{words}: does its file system answer?")))
        }
    }
}

/// Talks to a receiver on a short-lived thread. The library reads informational answers ("100
/// Continue") for as long as they come, without ever yielding: on the loop's thread, a receiver
/// that sends them without end would hold up everything else.
async fn apart<T: Send + 'static>(
    talk: impl Future<Output = Result<T, Delivery>> + Send + 'static,
) -> Result<T, Delivery> {
    let (tell, told) = oneshot::channel();
    let run = move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tell.send(Err(Delivery::Failed(no_thread(&error)))),
        };
        let told = tell.send(runtime.block_on(talk));
        // A resolver that does not answer is not waited for.
        runtime.shutdown_background();
        told
    };
    thread::Builder::new()
        .name("receiver".to_owned())
        .spawn(run)
        .map_err(|error| Delivery::Failed(no_thread(&error)))?;
    // It has its own bounds; if it can't enforce them, it is given up here.
    match timeout(CONNECT_MAX + ANSWER_MAX, told).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Delivery::Failed("internal error: its thread has ended".to_owned())),
        Err(_) => Err(Delivery::Failed(format!("no answer within {ANSWER_MAX:?}"))),
    }
}

fn no_thread(error: &io::Error) -> String {
    format!("this machine has no thread for it: {error}")
}

async fn post(url: Url, headers: HeaderMap, body: Vec<u8>) -> Result<Response, Delivery> {
    let client = client(url.scheme() == "https").await.map_err(Delivery::Failed)?;
    let sent = client.post(url.clone()).headers(headers).body(body).send().await;
    match sent {
        Ok(answer) => judge(answer.status(), answer.headers(), clock::now()).map(|()| answer),
        Err(error) => Err(Delivery::Failed(words(error, &url))),
    }
}

/// A client for one request: alerts are rare, and an idle daemon keeps neither connections nor
/// certificates.
async fn client(secure: bool) -> Result<Client, String> {
    let tls = if secure {
        let read = tokio::task::spawn_blocking(tls::system).await;
        read.map_err(|_| "the machine's certificates could not be read".to_owned())??
    } else {
        tls::none()
    };
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .timeout(ANSWER_MAX)
        .connect_timeout(CONNECT_MAX)
        .user_agent(concat!("transferd/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .build()
        .map_err(|error| format!("no http client: {}", innermost(&error.without_url())))
}

/// The meaning of a status: whether another try may succeed is what counts.
fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Result<(), Delivery> {
    let said = format!("it answered {}", status.as_u16());
    if status.is_success() {
        Ok(())
    } else if status.is_redirection() {
        Err(Delivery::Refused(format!("{said}, and redirects are not followed")))
    } else if status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
    {
        Err(match headers.get(RETRY_AFTER).and_then(|value| retry_after(value, now)) {
            Some(after) => Delivery::Later { words: said, after },
            None => Delivery::Failed(said),
        })
    } else {
        Err(Delivery::Refused(said))
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<SignedDuration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(at.duration_since(now).max(SignedDuration::ZERO))
}

/// The beginning of an answer's body, which may explain more than its status.
async fn beginning(answer: &mut Response) -> String {
    // More than is shown: it is masked before it is cut, and a secret at the end must be whole.
    const READ_MAX: usize = 2 * SAID_MAX;
    let mut body = Vec::new();
    // An unreadable body adds nothing.
    while body.len() < READ_MAX
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(READ_MAX);
    String::from_utf8_lossy(&body).into_owned()
}

/// The failure in a ping's answer with a good status: healthchecks.io and its like answer 200 to a
/// ping for a check that does not exist, and say so in the body.
fn says_otherwise(body: &str, url: &Url) -> Option<Delivery> {
    const LIMITED: [&str; 2] = ["rate limited", "too many"];
    const BEGINNINGS: [&str; 9] = [
        "ok (",
        "error",
        "invalid",
        "unknown",
        "no such",
        "forbidden",
        "unauthorized",
        "failed",
        "denied",
    ];
    let said = body.trim().to_ascii_lowercase();
    if LIMITED.iter().any(|words| said.contains(words)) {
        return Some(Delivery::Failed(otherwise(body, url)));
    }
    let refused = said == "ko"
        || said.contains("not found")
        || BEGINNINGS.iter().any(|words| said.starts_with(words))
        || tells_of_failure(body);
    refused.then(|| Delivery::Refused(otherwise(body, url)))
}

/// Whether an answer is an object that tells of a failure, in one of the forms that services give
/// it: Slack's answers 200 with `"ok": false` to a channel that does not exist.
fn tells_of_failure(body: &str) -> bool {
    let Ok(Value::Object(properties)) = serde_json::from_str(body) else { return false };
    properties.iter().any(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "ok" | "success" => means_no(value),
        "error" | "errors" => !is_nothing(value) && !means_no(value),
        "status" | "code" | "result" | "statuscode" => match value {
            Value::Number(number) => number.as_f64().is_some_and(|number| number >= 400.0),
            Value::String(word) => {
                let word = word.to_ascii_lowercase();
                ["error", "fail", "failed", "failure"].contains(&word.as_str())
            }
            _ => false,
        },
        _ => false,
    })
}

fn means_no(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(word) => ["false", "no", "0"].contains(&word.to_ascii_lowercase().as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(properties) => properties.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An answer with a good status and other words, quoted. Many receivers quote the path, which is
/// secret, as the address is.
fn otherwise(body: &str, url: &Url) -> String {
    let body = masked(body, url);
    format!("it answered 200, but says \"{}\"", one_line(&mask(&body), SAID_MAX))
}

fn words(error: reqwest::Error, url: &Url) -> String {
    let connecting = error.is_connect();
    if error.is_timeout() {
        let (what, limit) =
            if connecting { ("no connection", CONNECT_MAX) } else { ("no answer", ANSWER_MAX) };
        return format!("{what} within {limit:?}");
    }
    let what = if connecting { "no connection" } else { "the connection broke" };
    let error = error.without_url();
    if let Some(words) = tls::in_words(&error) {
        return format!("{what}: {words}");
    }
    let words = without_innards(&innermost(&error).to_string());
    format!("{what}: {}", mask(&masked(&words, url)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("45", Some(45))]
    #[case(" 0 ", Some(0))]
    #[case("Fri, 27 Nov 2026 12:00:30 GMT", Some(30))]
    #[case("Fri, 27 Nov 2026 11:00:00 GMT", Some(0))]
    #[case("soon", None)]
    #[case("-5", None)]
    fn when_to_come_again_is_told_in_seconds_or_as_a_date(
        #[case] value: &'static str,
        #[case] seconds: Option<i64>,
    ) {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        let said = "it answered 429".to_owned();
        let expected = match seconds {
            Some(seconds) => {
                Delivery::Later { words: said, after: SignedDuration::from_secs(seconds) }
            }
            None => Delivery::Failed(said),
        };
        assert_eq!(judge(StatusCode::TOO_MANY_REQUESTS, &headers, now), Err(expected));
    }

    #[rstest]
    #[case("OK (not found)", true)]
    #[case("OK (rate limited)", true)]
    #[case("{\"ok\": false, \"msg\": \"Monitor not active\"}", true)]
    #[case("OK", false)]
    #[case("", false)]
    #[case("{\"ok\":\"false\"}", true)]
    #[case("{\"ok\":0}", true)]
    #[case("{\"error\":\"no such check\"}", true)]
    #[case("{\"errors\":[\"x\"]}", true)]
    #[case("{\"status\":\"error\",\"message\":\"invalid key\"}", true)]
    #[case("{\"Success\":\"False\"}", true)]
    #[case("{\"code\":404}", true)]
    #[case("invalid_token", true)]
    #[case("Unknown check", true)]
    #[case("KO", true)]
    #[case("{\"ok\":true}", false)]
    #[case("{\"ok\":true,\"error\":null,\"errors\":[],\"status\":\"up\",\"code\":200}", false)]
    #[case("{\"error\":false,\"result\":\"queued\"}", false)]
    #[case("Got it, thanks!", false)]
    fn a_pings_body_may_say_otherwise_and_is_quoted(#[case] body: &str, #[case] otherwise: bool) {
        let said = says_otherwise(body, &Url::parse("http://h/ping/").unwrap());
        assert_eq!(said.is_some(), otherwise, "{said:?}");
        if let Some(Delivery::Failed(words) | Delivery::Refused(words)) = said {
            assert_eq!(words, format!("it answered 200, but says \"{body}\""));
        }
    }

    #[rstest]
    #[case("OK (not found): no check at /ping/fromhere/fail?rid=1", "no check at …?…")]
    #[case("error: no fromhere", "no …")]
    #[case("error: GET http://h/ping/fromhere/fail?rid=1", "GET …")]
    fn a_pings_body_is_quoted_without_its_address(#[case] body: &str, #[case] left: &str) {
        let url = Url::parse("http://h/ping/fromhere/fail?rid=1").unwrap();
        let Some(Delivery::Refused(words)) = says_otherwise(body, &url) else { panic!("{body}") };
        assert!(words.ends_with(&format!("{left}\"")), "{words}");
    }
}
