//! Why an answer can't be read, in words of our own: a library's message quotes the answer, and the
//! answer may quote the token.

use serde_json::error::{Category, Error};

/// The problem with a body of the wrong form.
pub(super) fn describe(body: &[u8], error: &Error) -> String {
    let text = super::object::without_mark(body).trim_ascii_start();
    if text.is_empty() {
        return "it is empty".to_owned();
    }
    if text.starts_with(b"<") {
        return "it is a web page: is that the agent?".to_owned();
    }
    let what = match error.classify() {
        Category::Syntax | Category::Io => "it is not JSON",
        Category::Eof => "it breaks off",
        Category::Data => "it has another form than the Click API describes",
    };
    match error.line() {
        0 => what.to_owned(),
        line => format!("{what} (line {line}, column {})", error.column()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", "it is empty")]
    #[case(" \n", "it is empty")]
    #[case("\u{feff}<!DOCTYPE html><p>s3cret", "it is a web page: is that the agent?")]
    #[case("s3cret", "it is not JSON (line 1, column 1)")]
    #[case("[\n1, 2", "it breaks off (line 2, column 4)")]
    #[case(r#""s3cret""#, "it has another form than the Click API describes (line 1, column 8)")]
    fn a_body_is_described_and_never_quoted(#[case] body: &str, #[case] words: &str) {
        let bare = body.trim_start_matches('\u{feff}');
        let error = serde_json::from_str::<Vec<u8>>(bare).unwrap_err();
        assert_eq!(describe(body.as_bytes(), &error), words);
    }
}
