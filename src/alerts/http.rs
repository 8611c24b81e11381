//! Webhooks and pings: one POST each, and what the answer means.
//!
//! Its errors are put into words here, and nowhere else: a library's own hold the address.

use std::path::Path;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, Url};

use super::document::Document;
use super::limits::{ANSWER_MAX, CONNECT_MAX};
use super::secrets::{Secrets, masked};
use crate::core::alert::Delivery;
use crate::core::job::SecretText;
use crate::tls;

/// POSTs the document.
pub(super) async fn webhook(
    document: &Document<'_>,
    url: &SecretText,
    headers_file: Option<&Path>,
    secrets: &Secrets,
) -> Result<(), Delivery> {
    let url = secrets.address(url).map_err(Delivery::Failed)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(path) = headers_file {
        // One of them may say what kind of text a receiver wants to take this for.
        for (name, value) in &secrets.headers(path).map_err(Delivery::Failed)? {
            headers.insert(name.clone(), value.clone());
        }
    }
    post(url, headers, document.json()).await
}

/// POSTs the reason to the address, or to the one below it that says what has happened.
pub(super) async fn ping(
    document: &Document<'_>,
    url: &SecretText,
    secrets: &Secrets,
) -> Result<(), Delivery> {
    let mut url = secrets.address(url).map_err(Delivery::Failed)?;
    let suffix = document.ping_suffix();
    if !suffix.is_empty() {
        let path = format!("{}{suffix}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, text)]);
    post(url, headers, document.reason.as_bytes().to_vec()).await
}

async fn post(url: Url, headers: HeaderMap, body: Vec<u8>) -> Result<(), Delivery> {
    let client = client(url.scheme() == "https").await.map_err(Delivery::Failed)?;
    let sent = client.post(url.clone()).headers(headers).body(body).send().await;
    match sent {
        Ok(answer) => judge(answer.status()),
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

/// What a status means. Whether another try may do better is what counts.
fn judge(status: StatusCode) -> Result<(), Delivery> {
    let said = format!("it answered {}", status.as_u16());
    if status.is_success() {
        Ok(())
    } else if status.is_redirection() {
        Err(Delivery::Refused(format!("{said}, and redirects are not followed")))
    } else if status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
    {
        Err(Delivery::Failed(said))
    } else {
        Err(Delivery::Refused(said))
    }
}

fn words(error: reqwest::Error, url: &Url) -> String {
    let connecting = error.is_connect();
    if error.is_timeout() {
        let (what, limit) =
            if connecting { ("no connection", CONNECT_MAX) } else { ("no answer", ANSWER_MAX) };
        return format!("{what} within {limit:?}");
    }
    let what = if connecting { "no connection" } else { "the connection broke" };
    format!("{what}: {}", masked(&innermost(&error.without_url()), url))
}

/// The innermost cause of an error, which says most.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
