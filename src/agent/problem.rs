//! The agent's application errors: a 499 with a code in `error-code`, in the body, or in both.

use reqwest::header::HeaderMap;

use super::wire::read_object;

/// The message of an error without content.
const UNSAID: &str = "an application error without a code";

/// The content of an application error. `words` still have to pass `words::fit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// The code, in upper case. Absent if there is none, or if header and body disagree.
    pub(super) code: Option<String>,
    /// Code and message.
    pub(super) words: String,
}

/// The meaning of a code for a request (protocol, rule 2; click-api's table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// AUTH, TOKEN, SESSION, SESSION_MAXOUT, DISPOSED.
    BadToken,
    /// INACTIVE_USER, SECURITY, ACCESS, NOT_FOUND.
    Final,
    /// DUPLICATE.
    Duplicate,
    /// Anything else: the record may be in.
    Unclear,
}

/// The value of the `error-code` header.
pub(super) fn code_header(headers: &HeaderMap) -> Option<String> {
    headers.get("error-code").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

impl Problem {
    /// Reads the error from an answer of any status; absent if it has none.
    pub(super) fn said(header: Option<&str>, body: &[u8]) -> Option<Self> {
        Some(Self::read(header, body)).filter(|problem| problem.words != UNSAID)
    }

    /// Reads a 499 from its header and body, either of which may be missing or malformed.
    pub(super) fn read(header: Option<&str>, body: &[u8]) -> Self {
        let (kind, title) = match read_object(body, &["type", "title"]) {
            Ok([kind, title]) => (kind.word().map(str::to_owned), title.word().map(str::to_owned)),
            Err(_) => (None, None),
        };
        // A `type` may also be the url of an RFC: neither a code nor a contradiction.
        let kind = kind.as_deref().and_then(code);
        let header = header.and_then(code);
        let code = match (header, kind) {
            (Some(header), Some(kind)) if header != kind => None,
            (header, kind) => header.or(kind),
        };
        // The message is shown after it.
        let message = messages(body).into_iter().next().or(title);
        let message = message.map(|text| text.trim().trim_end_matches('.').to_owned());
        let words = match (&code, message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            (None, Some(message)) => message,
            (None, None) => UNSAID.to_owned(),
        };
        Self { code, words }
    }

    /// The meaning of the code.
    pub(super) fn meaning(&self) -> Meaning {
        match self.code.as_deref() {
            Some("AUTH" | "TOKEN" | "SESSION" | "SESSION_MAXOUT" | "DISPOSED") => Meaning::BadToken,
            Some("INACTIVE_USER" | "SECURITY" | "ACCESS" | "NOT_FOUND") => Meaning::Final,
            Some("DUPLICATE") => Meaning::Duplicate,
            Some(_) | None => Meaning::Unclear,
        }
    }

    /// True if the problem is the token or its session.
    pub(super) fn is_about_the_token(&self) -> bool {
        self.meaning() == Meaning::BadToken
    }
}

/// A code in the form of click-api's table; absent for a text that can't be one.
fn code(text: &str) -> Option<String> {
    let text = text.trim();
    let is_code = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    is_code.then(|| text.to_ascii_uppercase())
}

/// The messages under `errors`, in any shape.
fn messages(body: &[u8]) -> Vec<String> {
    let Ok(serde_json::Value::Object(body)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    let errors = body.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("errors"));
    let values = match errors {
        Some((_, serde_json::Value::Object(errors))) => errors.into_iter().map(|e| e.1).collect(),
        Some((_, serde_json::Value::Array(errors))) => errors,
        Some(_) | None => Vec::new(),
    };
    values
        .into_iter()
        .flat_map(|value| match value {
            serde_json::Value::Array(values) => values,
            other => vec![other],
        })
        .filter_map(|value| value.as_str().map(str::to_owned))
        .filter(|message| !message.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const BODY: &str = r#"{"type":"DUPLICATE","status":499,"errors":{"DUPLICATE":["A resource with the same name already exists."]}}"#;

    #[test]
    fn the_vendors_example_is_read() {
        let problem = Problem::read(Some("DUPLICATE"), BODY.as_bytes());
        assert_eq!(problem.meaning(), Meaning::Duplicate);
        assert_eq!(problem.words, "DUPLICATE: A resource with the same name already exists");
    }

    #[rstest]
    #[case(Some("Access"), "", Meaning::Final)]
    #[case(None, r#"{"Type":"access"}"#, Meaning::Final)]
    #[case(Some(" not_found "), "{", Meaning::Final)]
    #[case(None, r#"{"type":"Session_MaxOut"}"#, Meaning::BadToken)]
    #[case(Some("TOKEN"), r#"{"type":"https://tools.ietf.org/html/rfc9110"}"#, Meaning::BadToken)]
    #[case(Some("ACCESS"), r#"{"type":"DEFAULT"}"#, Meaning::Unclear)]
    #[case(Some("TRANSFER_C2C"), "", Meaning::Unclear)]
    #[case(None, "", Meaning::Unclear)]
    #[case(None, "[1]", Meaning::Unclear)]
    #[case(None, r#"{"type":7,"errors":7}"#, Meaning::Unclear)]
    fn a_code_is_taken_from_header_or_body_and_from_neither_if_they_disagree(
        #[case] header: Option<&str>,
        #[case] body: &str,
        #[case] meaning: Meaning,
    ) {
        assert_eq!(Problem::read(header, body.as_bytes()).meaning(), meaning);
    }
}
