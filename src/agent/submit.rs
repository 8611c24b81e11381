//! `POST /transfer/transfer`, and the one question about its answer: could the request have been
//! accepted? (protocol, rule 2.)

use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::client::AgentClient;
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::origin;
use super::problem::{Meaning, Problem};
use super::transport::{Call, RawAnswer, SendFailure};
use super::wire::read_object;
use super::words::fit;
use crate::core::ids::{AccessId, AttemptId};
use crate::core::place::{Place, TransferRequest};
use crate::core::transfer::{Refusal, SubmitAnswer};
use secrecy::SecretString;

/// The body, with the vendor's names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    source_cloud_account_id: Uuid,
    source_bucket: &'a str,
    source_bucket_id: &'a str,
    source_path: &'a str,
    source_id: &'a str,
    destination_cloud_account_id: Uuid,
    destination_bucket: &'a str,
    destination_bucket_id: &'a str,
    destination_path: &'a str,
    destination_id: &'a str,
    allow_skip: bool,
    keep_source_tree: bool,
}

impl<'a> From<&'a TransferRequest> for Body<'a> {
    fn from(request: &'a TransferRequest) -> Self {
        let TransferRequest { source, destination, allow_skip, keep_source_tree } = request;
        let Place { account, bucket, bucket_id, path, id } = source;
        Self {
            source_cloud_account_id: account.0,
            source_bucket: bucket,
            source_bucket_id: bucket_id,
            source_path: path,
            source_id: id,
            destination_cloud_account_id: destination.account.0,
            destination_bucket: &destination.bucket,
            destination_bucket_id: &destination.bucket_id,
            destination_path: &destination.path,
            destination_id: &destination.id,
            allow_skip: *allow_skip,
            keep_source_tree: *keep_source_tree,
        }
    }
}

impl AgentClient {
    /// Queues a transfer: sends one POST, and never a second. A refused token is not renewed and
    /// tried again here, since each POST follows a look of its own (protocol, rule 1). Once the
    /// agent has carried it out, it returns the attempt that it was for (rule 14). Nothing is sent
    /// where the look was made with another token, or at another agent.
    pub async fn submit(
        &self,
        attempt: AttemptId,
        access: AccessId,
        request: &TransferRequest,
    ) -> SubmitAnswer {
        let token = match self.usable_token().await {
            Ok(token) => token,
            Err(AskError::Unreachable(words) | AskError::PortHeld(words)) => {
                return SubmitAnswer::Refused(Refusal::NotSent(words));
            }
            Err(error) => return SubmitAnswer::Refused(Refusal::BadToken(error.to_string())),
        };
        if self.access_by(&token) != access {
            return SubmitAnswer::Refused(Refusal::OtherAccess);
        }
        let body = match serde_json::to_vec(&Body::from(request)) {
            Ok(body) => body,
            Err(error) => return SubmitAnswer::Refused(Refusal::NotSent(error.to_string())),
        };
        let origin = origin::of(attempt);
        let to = Call::to(Endpoint::Submit, Some(&token));
        let call = Call { body: Some(body), origin: Some(&origin), ..to };
        let answer = match self.inner.transport.send(call).await {
            Ok(answer) => sort(&answer, &token),
            Err(SendFailure::NotSent(words) | SendFailure::PortHeld(words)) => {
                SubmitAnswer::Refused(Refusal::NotSent(words))
            }
            Err(SendFailure::TimedOut(words) | SendFailure::Lost(words)) => {
                SubmitAnswer::Uncertain(words)
            }
        };
        if matches!(answer, SubmitAnswer::Refused(Refusal::BadToken(_))) {
            self.inner.keeper.refused(&token);
        }
        answer
    }
}

/// Classifies an answer by status and code.
pub(super) fn sort(answer: &RawAnswer, token: &SecretString) -> SubmitAnswer {
    match answer.status {
        // The vendor's 200 has no body. One that could not be read to its end is still a 200.
        200 => match answer.body.as_deref().ok().and_then(|body| oddity(body, token)) {
            None => SubmitAnswer::Accepted,
            Some(what) => SubmitAnswer::Unclear(format!("200 with {what}")),
        },
        401 => {
            SubmitAnswer::Refused(Refusal::BadToken("the agent refuses the token (401)".to_owned()))
        }
        499 => {
            let body = answer.body.as_deref().unwrap_or(&[]);
            let problem = Problem::read(answer.error_code.as_deref(), body);
            let words = fit(&problem.words, Some(token));
            match problem.meaning() {
                Meaning::BadToken => SubmitAnswer::Refused(Refusal::BadToken(words)),
                Meaning::Final => SubmitAnswer::Refused(Refusal::Final(words)),
                Meaning::Duplicate => SubmitAnswer::Refused(Refusal::Duplicate(words)),
                Meaning::Unclear => SubmitAnswer::Unclear(format!("499 ({words})")),
            }
        }
        status => SubmitAnswer::Unclear(status_and_words(status, answer, token)),
    }
}

/// A status outside of the protocol, with the agent's words.
fn status_and_words(status: u16, answer: &RawAnswer, token: &SecretString) -> String {
    if (300..400).contains(&status) {
        return format!("{status} (a redirect, which is not followed)");
    }
    let body = answer.body.as_deref().unwrap_or(&[]);
    let said = Problem::said(answer.error_code.as_deref(), body);
    let said = said.map(|problem| fit(&problem.words, Some(token)));
    let usual = || StatusCode::from_u16(status).ok()?.canonical_reason().map(str::to_owned);
    match said.or_else(usual) {
        Some(words) => format!("{status} ({words})"),
        None => status.to_string(),
    }
}

/// The kind of a 200's body that does not come with success: another program, a proxy or an error
/// page may answer 200 to anything, and nothing was queued then.
fn oddity(body: &[u8], token: &SecretString) -> Option<String> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return None;
    }
    if text.starts_with(b"<") {
        return Some("a web page: is that the agent?".to_owned());
    }
    match serde_json::from_slice::<Value>(text) {
        Ok(Value::Object(_)) => says_failure(body).then(|| {
            let words = Problem::read(None, body).words;
            format!("an error: {}", fit(&words, Some(token)))
        }),
        Ok(Value::Null | Value::Bool(true)) => None,
        Ok(Value::Bool(false)) => Some("`false`".to_owned()),
        Ok(Value::String(word)) if word.is_empty() || Uuid::parse_str(&word).is_ok() => None,
        Ok(Value::String(word)) => unless_good(&word),
        Ok(Value::Array(list)) if list.iter().all(Value::is_object) => None,
        Ok(Value::Array(_)) => Some("a list that says nothing of success".to_owned()),
        Ok(Value::Number(number)) => {
            let is_good = number.as_u64().is_some_and(|number| number < 300);
            (!is_good).then(|| format!("the number {number}"))
        }
        Err(_) => unless_good(&String::from_utf8_lossy(text)),
    }
}

/// The oddity of a text; absent for a word that means success.
fn unless_good(text: &str) -> Option<String> {
    (!is_good(text.trim())).then(|| "a text that says nothing of success".to_owned())
}

fn is_good(word: &str) -> bool {
    const GOOD: [&str; 5] = ["ok", "success", "accepted", "created", "queued"];
    GOOD.iter().any(|good| good.eq_ignore_ascii_case(word))
}

/// Whether an object tells of a failure, in one of the forms that servers give it. One that has
/// something to tell, and no sign of success, is an error's too.
fn says_failure(body: &[u8]) -> bool {
    #[rustfmt::skip]
    let names = [
        "status", "statuscode", "code", "result", "success", "issuccess", "succeeded", "ok",
        "error", "errors", "exception", "exceptionmessage",
        "message", "detail", "reason", "title", "type",
    ];
    let Ok(properties) = read_object(body, &names) else { return true };
    let [status, status_code, code, result, success, is_success, succeeded, ok, rest @ ..] =
        &properties;
    let [error, errors, exception, exception_message, told @ ..] = rest;
    let flags = [success, is_success, succeeded, ok];
    let is_good = |word: &str| is_good(word) || word.eq_ignore_ascii_case("succeeded");
    let numbers = [status, status_code, code].map(|number| number.whole());
    let words = [status, code, result].map(|word| word.word().filter(|_| word.whole().is_none()));
    let has_failed = numbers.iter().flatten().any(|number| *number >= 400 || *number < 0)
        || words.iter().flatten().any(|word| !is_good(word))
        || flags.iter().any(|flag| !flag.is_none() && flag.flag() == Some(false))
        || [errors, exception, exception_message].iter().any(|it| !it.is_none())
        || (!error.is_none() && error.flag() != Some(false));
    let has_succeeded = numbers.iter().flatten().any(|number| *number < 400)
        || words.iter().flatten().any(|word| is_good(word))
        || flags.iter().any(|flag| flag.flag() == Some(true));
    has_failed || (!has_succeeded && told.iter().any(|it| it.word().is_some()))
}
