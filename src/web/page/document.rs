//! The HTML document around every page: one file with its style and script, and the policy that
//! lets browsers run these and nothing else.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::html::{Html, Root};

/// The file: markup with places for the content.
const DOCUMENT: &str = include_str!("page.html");

/// The content of a page.
pub(super) struct Content {
    /// For the title and the tab.
    pub(super) title: String,
    /// The way to the front page.
    pub(super) root: Root,
    /// Everything within `body` except the script.
    pub(super) body: Html,
}

/// The content security policy: browsers may load this style and this script, by their digests, and
/// the icon; requests go to this server only.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = |tag: &str| STANDARD.encode(Sha256::digest(inner(tag)));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        digest("script"),
        digest("style")
    );
    HeaderValue::try_from(policy).expect("the policy is of plain letters")
});

/// The text of the document's one element of a kind.
fn inner(tag: &str) -> &'static str {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let rest = DOCUMENT.split_once(&open).map_or("", |(_, rest)| rest);
    rest.split_once(&close).map_or("", |(inner, _)| inner)
}

/// A page as an HTTP answer.
pub(super) fn respond(status: StatusCode, content: Content) -> Response {
    let mut title = Html::new();
    title.text(&content.title);
    let (title, body) = (title.into_string(), content.body.into_string());
    let mut page = String::with_capacity(DOCUMENT.len() + title.len() + body.len());
    for piece in DOCUMENT.split("{{") {
        match piece.split_once("}}") {
            Some(("title", rest)) => page.extend([&title, rest]),
            Some(("root", rest)) => page.extend([content.root.0, rest]),
            Some(("body", rest)) => page.extend([&body, rest]),
            Some(_) | None => page.push_str(piece),
        }
    }
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY.clone())];
    (status, headers, Body::from(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_holds_all_that_it_needs_and_asks_nobody_else() {
        assert!(inner("style").len() > 100 && inner("script").len() > 100);
        for tag in ["<style>", "<script>", "{{title}}", "{{root}}", "{{body}}"] {
            assert_eq!(DOCUMENT.matches(tag).count(), 1, "{tag}");
        }
        let namespace = "http://www.w3.org/2000/svg";
        let rest = DOCUMENT.replace(namespace, "");
        for word in ["http://", "https://", "@import", "url(", "src=", "style=", " onclick"] {
            assert!(!rest.contains(word), "`{word}` would be loaded, or needs a laxer policy");
        }
        for word in ["innerHTML", "insertAdjacentHTML", "eval(", "document.write"] {
            assert!(!inner("script").contains(word), "`{word}` makes markup of text");
        }
    }

    #[test]
    fn the_policy_names_the_digests_of_what_is_there() {
        let policy = POLICY.to_str().unwrap();
        let script = STANDARD.encode(Sha256::digest(inner("script")));
        assert!(policy.contains(&format!("script-src 'sha256-{script}';")), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
