//! The agent, for commands that need no daemon: a client under the job file's settings, or, before
//! there is a job file, under the defaults.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;

use super::ask::{hint, runtime, say};
use super::places::{Places, variable};
use super::{Exit, Global, jobfile, offline};
use crate::agent::{
    AgentClient, AskError, Owners, TokenKeeper, UnusableSettings, is_trusted, mended_url, shown,
};
use crate::config::Content;
use crate::core::job::JobSet;
use crate::privacy::Masked;
use crate::settings::{AgentConnection, TokenSource};
use crate::signals::Interrupts;

/// An agent's client, with a runtime to wait for its answers.
pub struct Asked {
    /// The client.
    pub client: AgentClient,
    /// The settings it uses.
    pub settings: AgentConnection,
    /// The job set; absent if there is no job file yet.
    pub jobs: Option<Arc<JobSet>>,
    /// Waits for answers.
    pub runtime: tokio::runtime::Runtime,
}

impl Asked {
    /// Asks for the agent's state, which takes no token. Called before any request with one:
    /// another program at that address must not learn a token.
    ///
    /// # Errors
    /// The answer is not an agent's, or there is none.
    pub fn greet(&self) -> Result<(), AskError> {
        self.runtime.block_on(self.client.agent_status()).map(drop)
    }

    /// Waits for answers: see [`unless_interrupted`].
    ///
    /// # Errors
    /// The code of a command that was interrupted.
    pub fn wait<T>(&self, asking: impl Future<Output = T>) -> Result<T, Exit> {
        self.runtime.block_on(unless_interrupted(asking))
    }
}

/// Waits for answers of the agent. A signal that ends a command ends the waiting: the command
/// returns, and so ends the session of its login, of which the agent allows a number only.
///
/// # Errors
/// The code of a command that was interrupted.
pub async fn unless_interrupted<T>(asking: impl Future<Output = T>) -> Result<T, Exit> {
    // Where signals can't be heard, they end the process as ever.
    let Ok(mut signals) = Interrupts::listen() else { return Ok(asking.await) };
    tokio::select! {
        biased;
        () = signals.next() => Err(Exit::Interrupted),
        answer = asking => Ok(answer),
    }
}

impl Drop for Asked {
    /// A command that logged in leaves no session behind.
    fn drop(&mut self) {
        self.runtime.block_on(self.client.log_out());
    }
}

/// The settings under `global`, and the job file they come from, if there is one. Reports errors in
/// it.
///
/// # Errors
///
/// After printing why there are none.
pub fn settings(
    global: &Global,
    err: &mut dyn Write,
) -> Result<(AgentConnection, Option<Arc<JobSet>>), Exit> {
    let path = jobfile::path(global, err)?;
    // A first look at the agent comes before the first job file; a file given by name must exist.
    if global.config.is_none() && !path.exists() {
        let token = default_token(global).filter(|path| path.exists());
        let token = token.map_or(TokenSource::Credential, TokenSource::File);
        return Ok((AgentConnection { token, ..AgentConnection::default() }, None));
    }
    let loaded = jobfile::read(&path, global, err)?;
    let Content { set, settings } = loaded.content;
    Ok((settings.agent.clone(), Some(set)))
}

/// The default path of the token: beside the job file.
pub fn default_token(global: &Global) -> Option<PathBuf> {
    let config = Places::here(global).config().ok()?;
    let folder = if config.is_dir() { Some(config.as_path()) } else { config.parent() };
    folder.map(|folder| folder.join("token"))
}

/// The agent under `global`.
///
/// # Errors
///
/// After printing why it can't be asked.
pub fn find(global: &Global, url: Option<String>, err: &mut dyn Write) -> Result<Asked, Exit> {
    let (mut settings, jobs) = settings(global, err)?;
    let is_typed = url.is_some();
    if let Some(url) = url {
        settings.url = url;
    }
    let keeper = TokenKeeper::new(settings.token.clone(), variable);
    let owners = owners(&settings, global);
    let client = AgentClient::with(&settings, keeper, owners, Arc::default());
    let client = client.map_err(|error| match is_typed {
        true => say_typed(&settings.url, &error, err),
        false => {
            say(err, &error.to_string());
            Exit::No
        }
    })?;
    let runtime = runtime().map_err(|error| {
        say(err, &error.to_string());
        Exit::No
    })?;
    Ok(Asked { client, settings, jobs, runtime })
}

/// The users who may hold the agent's port. One who is trusted for being found there first is named
/// before anything secret goes out: a command remembers nobody, and the next one may find another.
pub fn owners(settings: &AgentConnection, global: &Global) -> Owners {
    let name = |uid| {
        if is_trusted(uid) {
            return;
        }
        // Without anybody to read it, it is as it was.
        let _ = writeln!(
            Masked(io::stderr()),
            "transferd: the agent runs as {}, who gets the token, or what `login` asks for; \
             `agent.user` in the job file says who may",
            shown(uid)
        );
    };
    Owners::new(&settings.user, offline::agent_user(global), Arc::new(name))
}

/// Checks an address that was typed as `--url`, for a command that need not reach the agent.
///
/// # Errors
/// After saying why the address is unusable.
pub fn check_typed(url: &str, err: &mut dyn Write) -> Result<(), Exit> {
    // Only the job file can allow asking another machine.
    let settings =
        AgentConnection { url: url.to_owned(), allow_insecure: true, ..AgentConnection::default() };
    let keeper = TokenKeeper::new(TokenSource::Credential, variable);
    let client = AgentClient::new(&settings, keeper);
    client.map(drop).map_err(|error| say_typed(url, &error, err))
}

/// Prints the problem with a typed address, and what to type instead.
fn say_typed(url: &str, error: &UnusableSettings, err: &mut dyn Write) -> Exit {
    say(err, &format!("`--url` {}", error.why));
    if let Some(mended) = mended_url(url) {
        hint(err, &format!("write `--url {mended}`"));
    }
    Exit::No
}

/// The agent before there is a job file: with the token at the path where `login` writes it. None
/// without one.
pub fn before_a_file(global: &Global, url: &str, patience: SignedDuration) -> Option<Asked> {
    let token = default_token(global).filter(|path| path.exists())?;
    let settings = AgentConnection {
        url: url.to_owned(),
        token: TokenSource::File(token),
        request_timeout: patience,
        ..AgentConnection::default()
    };
    let keeper = TokenKeeper::new(settings.token.clone(), variable);
    let owners = owners(&settings, global);
    let client = AgentClient::with(&settings, keeper, owners, Arc::default()).ok()?;
    Some(Asked { client, settings, jobs: None, runtime: runtime().ok()? })
}

/// Prints that the agent did not answer as hoped, and what to do.
pub fn say_no(error: &AskError, asked: &Asked, err: &mut dyn Write) -> Exit {
    let address = asked.client.address();
    let (words, next) = match error {
        AskError::Unreachable(words) => (
            format!("the agent can't be reached at `{address}`: {words}"),
            Some(
                "is the Amove desktop agent running there? `agent.url` in the job file says where \
                 it is; `transferd doctor` looks closer",
            ),
        ),
        // Its words say what to do.
        AskError::PortHeld(_) => (error.to_string(), None),
        AskError::BadToken(_) => {
            let hint = asked.client.token().hint();
            (error.to_string(), Some(hint).filter(|hint| !hint.is_empty()))
        }
        AskError::Refused { .. } | AskError::NoSuchRoute(_) | AskError::Unusable(_) => {
            (error.to_string(), Some("`transferd doctor` looks closer"))
        }
    };
    say(err, &words);
    if let Some(next) = next {
        hint(err, next);
    }
    Exit::No
}
