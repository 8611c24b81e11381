//! `agent`: at most one token source, and no token in clear text to another host.

use super::problem::Problem;
use super::raw::{RawAgent, RawLogin};
use super::reader::Found;
use super::sources::Sources;
use super::urls;
use crate::address;
use crate::core::job::AgentSettings;
use crate::settings::{AgentConnection, LoginSource, TokenSource};

/// The agent's settings: the engine's part, and the connection.
pub(crate) fn agent(
    raw: Option<&Found<RawAgent>>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> (AgentSettings, AgentConnection) {
    let Some(found) = raw else { return Default::default() };
    let connection = connection(&found.value, sources, problems);
    (settings(&found.value, &connection), connection)
}

fn settings(raw: &RawAgent, connection: &AgentConnection) -> AgentSettings {
    let mut settings = AgentSettings {
        request_timeout: connection.request_timeout,
        token_renewal: connection.token.renewal(),
        ..AgentSettings::default()
    };
    if let Some(value) = &raw.poll_interval {
        settings.poll_interval = value.value.0;
    }
    if let Some(value) = &raw.max_active {
        settings.max_active = value.value.0;
    }
    if let Some(value) = &raw.adopt_window {
        settings.adopt_window = value.value.0;
    }
    if let Some(value) = &raw.exclusive_user {
        settings.exclusive_user = value.value.0;
    }
    if let Some(value) = &raw.start {
        settings.start = value.value.0;
    }
    settings
}

fn connection(raw: &RawAgent, sources: &Sources, problems: &mut Vec<Problem>) -> AgentConnection {
    let mut connection =
        AgentConnection { token: token(raw, sources, problems), ..AgentConnection::default() };
    if let Some(insecure) = &raw.allow_insecure {
        connection.allow_insecure = insecure.value.0;
    }
    if let Some(url) = &raw.url {
        connection.url.clone_from(&url.value.written);
        if let Some(flaw) = address::clear_text(&url.value.url)
            && !connection.allow_insecure
        {
            problems.push(urls::problem(url.at, flaw));
        }
    }
    if let Some(value) = &raw.request_timeout {
        connection.request_timeout = value.value.0;
    }
    if let Some(users) = &raw.user {
        connection.user = users.value.0.iter().map(|user| user.value.0.clone()).collect();
    }
    connection
}

fn token(raw: &RawAgent, sources: &Sources, problems: &mut Vec<Problem>) -> TokenSource {
    let keys = [
        ("token_file", raw.token_file.as_ref().map(|found| found.key)),
        ("token_env", raw.token_env.as_ref().map(|found| found.key)),
        ("login", raw.login.as_ref().map(|found| found.key)),
    ];
    let mut named = keys.iter().filter_map(|(name, key)| key.map(|key| (*name, key)));
    if let (Some((first, at)), Some((second, also_at))) = (named.next(), named.next()) {
        problems.push(
            Problem::error(also_at, format!("two token sources: `{first}` and `{second}`"))
                .see(at, "the other one")
                .hint("keep one of them"),
        );
    }
    if let Some(file) = &raw.token_file {
        return TokenSource::File(sources.resolve(file.at.file, &file.value.0));
    }
    if let Some(variable) = &raw.token_env {
        let name = &variable.value.0;
        let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !good || name.len() > 100 {
            // Not quoted: it may be a token.
            problems.push(
                Problem::error(variable.key, "`token_env` is the name of an environment variable")
                    .hint("for example `AMOVE_TOKEN`; the token itself never stands in the file"),
            );
        }
        return TokenSource::Environment(name.clone());
    }
    match &raw.login {
        Some(login) => login_source(login, sources).unwrap_or(TokenSource::Credential),
        None => TokenSource::Credential,
    }
}

/// Absent when a required key is missing, which was reported.
fn login_source(login: &Found<RawLogin>, sources: &Sources) -> Option<TokenSource> {
    let raw = &login.value;
    let password = raw.password_file.as_ref()?;
    Some(TokenSource::Login(LoginSource {
        username: raw.username.as_ref()?.value.0.clone(),
        password_file: sources.resolve(password.at.file, &password.value.0),
        user_type: raw.user_type.as_ref()?.value.0,
        totp_secret_file: raw
            .totp_secret_file
            .as_ref()
            .map(|file| sources.resolve(file.at.file, &file.value.0)),
    }))
}
