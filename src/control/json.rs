//! JSON as the control socket and the page answer it: characters that a terminal might not show as
//! they are get escaped.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::core::plain::escape_unseen;

/// A document as the body of an answer.
pub struct JsonAnswer<T>(pub T);

impl<T: Serialize> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        match text(&self.0) {
            Ok(text) => (kind, text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// The document in one line.
///
/// # Errors
/// One of its maps has keys that are not texts.
pub fn text(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(document).map(escape_unseen)
}
