//! Logins, minted tokens, and words without secrets.

use std::sync::Mutex;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use transferd::agent::{AskError, LoginAnswer, TokenKeeper};
use transferd::core::ids::UserId;
use transferd::core::transfer::{LookFailure, Refusal, SubmitAnswer};
use transferd::settings::{LoginSource, TokenSource};
use uuid::Uuid;

use crate::looks::look_request;
use crate::scripted::*;

fn login_keeper(folder: &tempfile::TempDir, totp: bool) -> TokenKeeper {
    std::fs::write(folder.path().join("pw"), "pass-w0rd\n").unwrap();
    std::fs::write(folder.path().join("totp"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    let source = LoginSource {
        username: "a@b.c".to_owned(),
        password_file: folder.path().join("pw"),
        user_type: 32,
        totp_secret_file: totp.then(|| folder.path().join("totp")),
    };
    TokenKeeper::new(TokenSource::Login(source), |_| None)
}

#[tokio::test]
async fn an_unattended_login_answers_a_totp_challenge_and_is_renewed_after_a_401() {
    let logins = Mutex::new(0);
    let agent = Agent::play(move |line, body| {
        let mut logins = logins.lock().unwrap();
        if line.contains("/authentication/login") {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let sent = serde_json::json!({"username":"a@b.c","password":"pass-w0rd","type":32});
            assert_eq!(body, sent);
            *logins += 1;
            ok(r#"{"JwtToken":"","Challenge":1,"Session":"sess10n"}"#)
        } else if line.contains("/authentication/mfa_respond") {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["session"], "sess10n");
            assert_eq!(body["userCode"].as_str().unwrap().len(), 6);
            ok(&format!(r#"{{"jwtToken":"jwt-{logins}","challenge":0,"session":null}}"#))
        } else if line.contains("agent_status") {
            ok("1")
        } else if line.contains("token=jwt-1") {
            answer(401, "", "")
        } else {
            ok(r#"{"data":[]}"#)
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let client = client_with(agent.address, PATIENT, login_keeper(&folder, true));
    assert!(client.look(&look_request()).await.unwrap().is_complete());
    assert_eq!(agent.count("/authentication/login"), 2);
    // The second token serves from now on.
    assert_eq!(submit(&client, &request()).await, SubmitAnswer::Accepted);
    assert_eq!(agent.count("/authentication/login"), 2);
    assert_eq!(agent.count("transfer/transfer?token=jwt-2"), 1);
}

#[tokio::test]
async fn the_user_is_asked_for_anew_when_the_token_changes() {
    // Another person has logged in between the two looks.
    let listings = Mutex::new(0);
    let agent = Agent::play(move |line, _| {
        let first = line.contains("token=jwt-1");
        if line.contains("/authentication/login") {
            let number = 1 + u32::from(*listings.lock().unwrap() > 0);
            ok(&format!(r#"{{"jwtToken":"jwt-{number}","challenge":0,"session":null}}"#))
        } else if line.contains("/authentication/user") {
            let user = Uuid::from_u128(if first { 77 } else { 78 });
            ok(&format!(r#"{{"userId":"{user}"}}"#))
        } else if line.contains("agent_status") {
            ok("1")
        } else {
            let mut listings = listings.lock().unwrap();
            *listings += 1;
            if first && *listings > 1 { answer(401, "", "") } else { ok(r#"{"data":[]}"#) }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let client = client_with(agent.address, PATIENT, login_keeper(&folder, false));
    for user in [77, 78] {
        let look = client.look(&look_request()).await.unwrap();
        assert_eq!(look.user, Some(UserId(Uuid::from_u128(user))));
    }
}

#[tokio::test]
async fn a_refused_login_is_a_bad_token_and_is_not_repeated_at_once() {
    for (act, words) in [
        (answer(499, "error-code: AUTH\r\n", ""), "AUTH"),
        (answer(401, "", ""), "401"),
        (answer(499, "error-code: COGNITO\r\n", ""), "COGNITO"),
        (ok(r#"{"challenge":2,"session":"x"}"#), "only a person"),
        (ok(r#"{"challenge":1,"session":"x"}"#), "totp_secret_file"),
    ] {
        let agent = Agent::play(move |line, _| match line {
            line if line.contains("agent_status") => ok("1"),
            _ => act.clone(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let client = client_with(agent.address, PATIENT, login_keeper(&folder, false));
        for _ in 0..2 {
            match client.look(&look_request()).await {
                Err(LookFailure::BadToken { words: why, .. }) => {
                    assert!(why.contains(words), "{why}")
                }
                other => panic!("{other:?}"),
            }
        }
        let answer = submit(&client, &request()).await;
        assert!(matches!(answer, SubmitAnswer::Refused(Refusal::BadToken(_))), "{answer:?}");
        assert_eq!(agent.count("/authentication/login"), 1);
    }
}

#[tokio::test]
async fn an_unreachable_agent_at_login_is_no_bad_token() {
    let folder = tempfile::tempdir().unwrap();
    let client = client_with(closed_port().await, PATIENT, login_keeper(&folder, false));
    let answer = submit(&client, &request()).await;
    assert!(matches!(answer, SubmitAnswer::Refused(Refusal::NotSent(_))), "{answer:?}");
}

#[tokio::test]
async fn a_token_is_minted_listed_and_deleted() {
    let id = Uuid::from_u128(5);
    let agent = Agent::play(move |line, _| match line {
        line if line.contains("/apitoken/insert") => {
            ok(r#"{"id":"x","token":"l0ng-lived","expirationDate":"2027-01-01T00:00:00"}"#)
        }
        line if line.contains("/apitoken/get_all") => {
            ok(&format!(r#"[{{"id":"{id}","title":"transferd","token":"l0ng"}}]"#))
        }
        _ => ok(""),
    })
    .await;
    let client = agent.client();
    let end: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let session = SecretString::from("jwt");
    let (token, ends) = client.mint_api_token(&session, "transferd", end).await.unwrap();
    assert_eq!((token.expose_secret(), ends), ("l0ng-lived", Some(end)));
    let tokens = client.api_tokens().await.unwrap();
    assert_eq!((tokens[0].id, tokens[0].title.as_str()), (id, "transferd"));
    assert!(!format!("{tokens:?}").contains("l0ng"));
    client.delete_api_token(id).await.unwrap();
    client.logout(&session).await.unwrap();
    let seen = agent.seen();
    assert!(seen[0].line.contains("token=jwt"));
    assert!(seen[2].line.starts_with("DELETE /apitoken/delete?id=00000000"));
    assert_eq!(seen[3].body, r#"{"jwtToken":"jwt"}"#);
    assert!(!seen[3].line.contains("jwt"));
}

#[tokio::test]
async fn answers_and_clients_show_no_secret() {
    let agent = Agent::play(|_, _| ok(r#"{"jwtToken":"s3cret-jwt"}"#)).await;
    let client = agent.client();
    let login = client.login("a", &SecretString::from("s3cret"), 16).await.unwrap();
    assert!(matches!(&login, LoginAnswer::Token(token) if token.expose_secret() == "s3cret-jwt"));
    assert_secretless(&format!("{login:?} {client:?} {:?}", client.token()));
}

#[tokio::test]
async fn each_question_that_fails_says_why_without_a_secret() {
    let echo = format!(r#"{{"type":"ACCESS","errors":{{"x":["{TOKEN} may not"]}}}}"#);
    for act in [
        answer(499, "", &echo),
        answer(401, "", &echo),
        answer(500, "", &echo),
        answer(404, "", ""),
        ok(&echo[..9]),
        Act::Reset,
        Act::Stall,
    ] {
        let agent = Agent::play(move |_, _| act.clone()).await;
        let client = agent.hasty_client();
        let (user, accounts, tokens) =
            tokio::join!(client.user(), client.accounts(), client.api_tokens());
        let errors: [AskError; 3] = [user.unwrap_err(), accounts.unwrap_err(), tokens.unwrap_err()];
        for error in errors {
            assert_secretless(&format!("{error} {error:?}"));
            assert!(!error.to_string().is_empty());
        }
    }
}

#[tokio::test]
async fn each_session_that_was_opened_is_closed_again() {
    let logins = Mutex::new(0);
    let agent = Agent::play(move |line, _| {
        let mut logins = logins.lock().unwrap();
        if line.contains("/authentication/login") {
            *logins += 1;
            ok(&format!(r#"{{"jwtToken":"jwt-token-{logins}","challenge":0}}"#))
        } else if line.contains("agent_status") {
            ok("1")
        } else if line.contains("token=jwt-token-1") {
            answer(401, "", "")
        } else {
            ok(r#"{"data":[]}"#)
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let client = client_with(agent.address, PATIENT, login_keeper(&folder, false));
    let logged_out = || {
        let seen = agent.seen();
        let logouts = seen.iter().filter(|seen| seen.line.contains("/authentication/logout"));
        logouts.map(|seen| seen.body.clone()).collect::<Vec<_>>()
    };
    assert!(client.look(&look_request()).await.unwrap().is_complete());
    assert_eq!(logged_out(), [r#"{"jwtToken":"jwt-token-1"}"#], "the one that was replaced");
    client.log_out().await;
    client.log_out().await;
    assert_eq!(logged_out()[1..], [r#"{"jwtToken":"jwt-token-2"}"#], "the last one, once");
}

#[tokio::test]
async fn a_token_that_is_not_one_printable_word_is_not_taken_from_the_agent() {
    for odd in ["two words", "line\\nbreak", "a\\tb", "\u{e4}", "x\\u0000y"] {
        let answered = format!(r#"{{"jwtToken":"{odd}","token":"{odd}","challenge":0}}"#);
        let agent = Agent::play(move |_, _| ok(&answered)).await;
        let client = agent.client();
        let secret = SecretString::from("pass-w0rd");
        let failed = client.login("a@b.c", &secret, 32).await.unwrap_err().to_string();
        assert!(failed.contains("is not one word of printable ASCII"), "{failed}");
        let minted = client.mint_api_token(&secret, "t", Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert!(minted.to_string().contains("is not one word"), "{minted}");
    }
}
