//! Findings from single calls: how routes are spelled and errors reported, which version the agent
//! is, and whether it returns our request's origin (protocol, rule 14).
//!
//! Only calls that change nothing are made: for the state, the version, and the buckets of an
//! account.

use serde_json::Value;
use uuid::Uuid;

use super::{Assumption, Finding, Verdict};
use crate::agent::client::AgentClient;
use crate::agent::limits::{ECHO_MAX, SILENCE_MAX};
use crate::agent::notifications::Ear;
use crate::agent::origin::PREFIX;
use crate::agent::problem::Problem;
use crate::agent::transport::RawAnswer;
use crate::clock;
use crate::core::ids::AccountId;

const STATE_FORM: Assumption = Assumption {
    name: "state_form",
    text: "`agent_status` answers with a bare number",
    needed: false,
    holds: "nothing",
    otherwise: "an object with the number in it is read too",
};
const ROUTE_CASE: Assumption = Assumption {
    name: "route_case",
    text: "routes are matched without regard to case",
    needed: false,
    holds: "nothing",
    otherwise: "they are written as the Click API page has them",
};
const VERSION: Assumption = Assumption {
    name: "version",
    text: "the agent tells its version",
    needed: false,
    holds: "it is shown in `status`",
    otherwise: "`status` shows none",
};
const ERRORS: Assumption = Assumption {
    name: "errors",
    text: "an error is answered with 499, its code in the header `error-code` and in the body",
    needed: true,
    holds: "the code says whether another try can help",
    otherwise: "what can't be read as a refusal is settled by looking at the list",
};
const NOTIFICATIONS: Assumption = Assumption {
    name: "notifications",
    text: "the notification socket opens",
    needed: false,
    holds: "changes are seen at once while a run is active",
    otherwise: "changes are seen at the next poll",
};
const RECEIPTS: Assumption = Assumption {
    name: "receipts",
    text: "a POST comes back on the notification socket with our `X-App-Origin`",
    needed: false,
    holds: "`show` tells of it, and the list is looked at at once",
    otherwise: "nothing rests on it: the list decides",
};
const RECEIPTS_OF_FAILURES: Assumption = Assumption {
    name: "receipts_of_failures",
    text: "a POST that failed does not come back so",
    needed: false,
    holds: "nothing: any local process can forge one",
    otherwise: "nothing: the list decides",
};

/// Checks the agent's answers to requests for its state.
pub(super) async fn state(client: &AgentClient) -> Vec<Finding> {
    let plain = client.raw_state(None).await;
    let spelled = client.raw_state(Some("/Management/AGENT_STATUS")).await;
    vec![state_form(plain.as_ref()), route_case(plain.as_ref(), spelled.as_ref())]
}

fn good(answer: Option<&RawAnswer>) -> Option<&[u8]> {
    answer.filter(|answer| answer.status == 200)?.body.as_deref().ok()
}

fn state_form(plain: Option<&RawAnswer>) -> Finding {
    match good(plain).map(serde_json::from_slice::<Value>) {
        Some(Ok(Value::Number(_))) => STATE_FORM.judged(true, "a number"),
        Some(Ok(Value::Object(_))) => STATE_FORM.judged(false, "an object"),
        Some(Ok(_)) => STATE_FORM.judged(false, "neither a number nor an object"),
        Some(Err(_)) | None => STATE_FORM.found(Verdict::CantTell, "it tells no state"),
    }
}

fn route_case(plain: Option<&RawAnswer>, spelled: Option<&RawAnswer>) -> Finding {
    match (good(plain), spelled) {
        (Some(plain), Some(answer)) => {
            let seen = format!("another spelling is answered with {}", answer.status);
            ROUTE_CASE.judged(good(Some(answer)) == Some(plain), seen)
        }
        (_, _) => ROUTE_CASE.found(Verdict::CantTell, "it tells no state"),
    }
}

/// Checks its version.
pub(super) async fn version(client: &AgentClient) -> Finding {
    match client.version().await {
        Ok(version) => {
            let newer = version.newer.map(|newer| format!("; {newer} is available"));
            VERSION.judged(true, format!("{}{}", version.current, newer.unwrap_or_default()))
        }
        Err(error) => VERSION.judged(false, error.to_string()),
    }
}

/// Checks whether it returns our request's origin, and how it reports errors. `account` is one that
/// it knows.
pub(super) async fn echoes(client: &AgentClient, account: Option<AccountId>) -> Vec<Finding> {
    let mut ear = Ear::open(&client.notification_url(), client.owners()).await;
    let seen = if ear.is_some() { "it opened" } else { "it did not open" };
    let mut findings = vec![NOTIFICATIONS.judged(ear.is_some(), seen)];
    findings.push(match (&mut ear, account) {
        (None, _) => RECEIPTS.found(Verdict::CantTell, "the notification socket does not open"),
        (_, None) => RECEIPTS.found(Verdict::CantTell, "there is no account to ask about"),
        (Some(ear), Some(account)) => {
            let origin = origin();
            match client.list_buckets(account, Some(&origin)).await {
                Ok(_) => heard(&RECEIPTS, ear.hears(&origin, ECHO_MAX).await, true),
                Err(error) => RECEIPTS.found(Verdict::CantTell, error.to_string()),
            }
        }
    });
    let origin = origin();
    // No account has this id.
    let body = serde_json::json!({ "id": Uuid::nil() }).to_string().into_bytes();
    match client.post_buckets(body, Some(&origin)).await {
        Ok((answer, _)) => {
            findings.push(errors(&answer));
            findings.push(match &mut ear {
                Some(ear) if answer.status != 200 => {
                    heard(&RECEIPTS_OF_FAILURES, ear.hears(&origin, SILENCE_MAX).await, false)
                }
                Some(_) | None => {
                    RECEIPTS_OF_FAILURES.found(Verdict::CantTell, "no call could be seen to fail")
                }
            });
        }
        Err(error) => findings.push(ERRORS.found(Verdict::CantTell, error.to_string())),
    }
    findings
}

fn heard(assumption: &Assumption, heard: bool, assumed: bool) -> Finding {
    let seen = if heard { "it came back" } else { "nothing came back" };
    assumption.judged(heard == assumed, seen)
}

fn errors(answer: &RawAnswer) -> Finding {
    if answer.status == 200 {
        return ERRORS.found(Verdict::CantTell, "a request for an unknown account is not refused");
    }
    let body = answer.body.as_deref().unwrap_or(&[]);
    let code = |header| Problem::read(header, body).code;
    let (in_body, in_both) = (code(None), code(answer.error_code.as_deref()));
    let told = answer.error_code.is_some() && in_body.is_some() && in_both == in_body;
    let seen = match in_both {
        Some(code) => format!("{} {code} for an unknown account", answer.status),
        None => format!("{} without a code for an unknown account", answer.status),
    };
    ERRORS.judged(answer.status == 499 && told, seen)
}

/// An `X-App-Origin` that no other request has.
fn origin() -> String {
    format!("{PREFIX}doctor-{}", clock::random_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: Option<&str>, body: &str) -> RawAnswer {
        let now = clock::now();
        RawAnswer {
            status,
            error_code: code.map(str::to_owned),
            date: None,
            asked_at: now,
            answered_at: now,
            body: Ok(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn both_forms_of_the_state_are_told_apart() {
        let of = |body| state_form(Some(&answer(200, None, body))).verdict;
        assert_eq!(of("1"), Verdict::Holds);
        assert_eq!(of(r#"{"status":1}"#), Verdict::DoesNotHold);
        assert_eq!(of("<html>"), Verdict::CantTell);
        assert_eq!(state_form(None).verdict, Verdict::CantTell);
    }

    #[test]
    fn routes_that_mind_their_case_are_noticed() {
        let plain = answer(200, None, "1");
        let of = |spelled: &RawAnswer| route_case(Some(&plain), Some(spelled)).verdict;
        assert_eq!(of(&answer(200, None, "1")), Verdict::Holds);
        assert_eq!(of(&answer(404, None, "")), Verdict::DoesNotHold);
        assert_eq!(of(&answer(200, None, "<html>")), Verdict::DoesNotHold);
    }

    #[test]
    fn an_error_is_to_have_its_code_in_header_and_body() {
        let body = r#"{"type":"NOT_FOUND","status":499}"#;
        let of = |answer: RawAnswer| errors(&answer).verdict;
        assert_eq!(of(answer(499, Some("NOT_FOUND"), body)), Verdict::Holds);
        assert_eq!(of(answer(499, None, body)), Verdict::DoesNotHold);
        assert_eq!(of(answer(499, Some("NOT_FOUND"), "")), Verdict::DoesNotHold);
        assert_eq!(of(answer(500, None, "")), Verdict::DoesNotHold);
        assert_eq!(of(answer(200, None, "{}")), Verdict::CantTell);
    }
}
