//! The agent's token: where it comes from, whether it is still valid, and any problem with it.
//!
//! A file is read anew at each use, so that no cache can be stale: it is one small read before a
//! request, on a thread of its own. Tokens are `SecretString`s; the only way out of this module is
//! into a url. It does not know the agent: the client brings the token of a login here.

mod beside;
mod file;
mod hint;
mod jwt;
mod totp;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use beside::Beside;
pub(super) use file::check_token;
pub use file::{SecretFile, read_secret};
pub use jwt::expiry;
pub(super) use totp::code as totp_code;

use super::limits::{LOGIN_RETRY, READ_MAX};
use crate::clock;
use crate::core::job::TokenRenewal;
use crate::privacy::{SecretKind, remember};
use crate::settings::{LoginSource, TokenSource};

/// Why there is no token to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// Its source has none: missing, unreadable, empty, not a token.
    #[error("{0}")]
    Source(String),
    /// Its file is there, and this user may not read it.
    #[error("{0}")]
    Locked(String),
    /// The agent refuses the login, or demands an answer that we don't have.
    #[error("{0}")]
    Refused(String),
    /// The agent can't be reached for a login.
    #[error("{0}")]
    Unreachable(String),
}

/// Reads a variable of the environment.
type Environment = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Keeps the current token of one source. Cheap to clone; all clones share it.
#[derive(Clone)]
pub struct TokenKeeper {
    shared: Arc<Shared>,
}

struct Shared {
    source: TokenSource,
    environment: Environment,
    /// Warnings are logged, once each.
    logs: bool,
    state: Mutex<State>,
    /// Readings under way: for a token, for whether it has changed, for a login.
    next: Beside<Result<Next, TokenProblem>>,
    looks: Beside<TokenLook>,
    passwords: Beside<Result<SecretFile, TokenProblem>>,
    totp_secrets: Beside<Result<SecretFile, TokenProblem>>,
    /// Held while a login is under way, so that there is one at a time.
    login: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The last result of the source.
    last: Option<Result<SecretString, TokenProblem>>,
    /// The files that others can read, with the warning about each, given once.
    exposed: BTreeMap<PathBuf, String>,
    /// The token of a login.
    session: Option<Session>,
    /// Tokens of earlier logins whose sessions are still to be ended: a user may have only a number
    /// of them at a time (docs/click-api.md: SESSION_MAXOUT).
    left_over: Vec<SecretString>,
    /// The last login that was refused.
    refused: Option<RefusedLogin>,
    /// Why no token, or login, could be made from the source when it was inspected last.
    unusable: Option<TokenProblem>,
}

struct Session {
    token: SecretString,
    /// When a new login is due.
    renew_at: Option<Timestamp>,
}

struct RefusedLogin {
    problem: TokenProblem,
    /// On a clock that nothing stops: time since boot.
    retry_at: SignedDuration,
    delay: SignedDuration,
    /// The password that was used; another one may be tried at once.
    password: SecretString,
}

/// The result of checking the token's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLook {
    /// Its content has changed since it was used last: the daemon tells the engine
    /// (`Input::TokenChanged`).
    pub changed: bool,
    /// Why no token, or login, can be made from it.
    pub problem: Option<TokenProblem>,
}

/// The way to get a token.
#[derive(Clone)]
pub(super) enum Next {
    /// Use this one.
    Use(SecretString),
    /// Log in first. If the agent can't be reached, the old one may still work.
    LogIn { with: LoginSource, instead_of: Option<SecretString> },
}

impl fmt::Debug for TokenKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeeper").field("source", &self.shared.source).finish_non_exhaustive()
    }
}

impl TokenKeeper {
    /// A keeper for a source. `environment` reads a variable, as `std::env::var_os` does.
    pub fn new(
        source: TokenSource,
        environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        Self::with(source, environment, true)
    }

    /// As [`Self::new`], for a caller that gives the warnings itself: another keeper of the same
    /// source has logged them.
    pub fn silent(
        source: TokenSource,
        environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        Self::with(source, environment, false)
    }

    fn with(
        source: TokenSource,
        environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
        logs: bool,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                source,
                environment: Box::new(environment),
                logs,
                state: Mutex::default(),
                next: Beside::default(),
                looks: Beside::default(),
                passwords: Beside::default(),
                totp_secrets: Beside::default(),
                login: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// The current token. For a login, that of the last one.
    pub fn current(&self) -> Result<SecretString, TokenProblem> {
        match self.next() {
            Ok(Next::Use(token)) => Ok(token),
            Ok(Next::LogIn { instead_of: Some(token), .. }) => Ok(token),
            Ok(Next::LogIn { instead_of: None, .. }) => {
                Err(TokenProblem::Source("not logged in yet".to_owned()))
            }
            Err(problem) => Err(problem),
        }
    }

    /// Reads the source beside the caller; absent if that is not over in time.
    pub async fn look(&self) -> Option<TokenLook> {
        let keeper = self.clone();
        let look = move || {
            let changed = keeper.has_changed();
            TokenLook { changed, problem: keeper.inspect().err() }
        };
        self.shared.looks.read(READ_MAX, look).await
    }

    /// As [`Self::next`], read beside the caller.
    pub(super) async fn next_beside(&self) -> Result<Next, TokenProblem> {
        match &self.shared.source {
            TokenSource::Environment(_) => self.next(),
            TokenSource::File(_) | TokenSource::Credential | TokenSource::Login(_) => {
                let keeper = self.clone();
                let read = self.shared.next.read(READ_MAX, move || keeper.next()).await;
                read.unwrap_or_else(|| Err(unread("token")))
            }
        }
    }

    /// The password of a login, read beside the caller.
    pub(super) async fn password(&self, path: &Path) -> Result<SecretFile, TokenProblem> {
        read_beside(&self.shared.passwords, "password", path).await
    }

    /// The TOTP secret of a login, read beside the caller.
    pub(super) async fn totp_secret(&self, path: &Path) -> Result<SecretFile, TokenProblem> {
        read_beside(&self.shared.totp_secrets, "TOTP secret", path).await
    }

    /// When the token ends that was used or read last; reads nothing.
    pub fn known_end(&self) -> Option<Timestamp> {
        let state = self.state();
        let last = state.last.as_ref().and_then(|last| last.as_ref().ok());
        let token = state.session.as_ref().map(|session| &session.token).or(last)?;
        expiry(token.expose_secret())
    }

    /// As [`Self::warning`], for the last reading; reads nothing.
    pub fn known_warning(&self) -> Option<String> {
        let state = self.state();
        let words: Vec<_> = state.exposed.values().map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// True if the source's content has changed since it was used last.
    pub fn has_changed(&self) -> bool {
        let before = {
            let state = self.state();
            match &self.shared.source {
                TokenSource::Login(login) => {
                    // A file that can't be read now is no better than the one before.
                    return state.refused.as_ref().is_some_and(|refused| {
                        read_secret("password", &login.password_file)
                            .is_ok_and(|file| !same(&file.secret, &refused.password))
                    });
                }
                TokenSource::File(_) | TokenSource::Environment(_) | TokenSource::Credential => {
                    state.last.clone()
                }
            }
        };
        let Some(before) = before else { return false };
        match (before, self.read_source()) {
            (Ok(before), Ok(now)) => !same(&before, &now),
            (Err(before), Err(now)) => before != now,
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => true,
        }
    }

    /// Why the source held no token, or login, when it was read last; reads nothing.
    pub fn known_problem(&self) -> Option<TokenProblem> {
        let state = self.state();
        match &self.shared.source {
            TokenSource::Login(_) => state.unusable.clone(),
            TokenSource::File(_) | TokenSource::Environment(_) | TokenSource::Credential => {
                state.last.as_ref()?.as_ref().err().cloned()
            }
        }
    }

    /// How another token comes from the source.
    pub fn renewal(&self) -> TokenRenewal {
        self.shared.source.renewal()
    }

    /// The files whose change may bring another token.
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.shared.source {
            TokenSource::File(path) => vec![path.clone()],
            TokenSource::Environment(_) => Vec::new(),
            TokenSource::Credential => self.credential().into_iter().collect(),
            TokenSource::Login(login) => {
                let totp = login.totp_secret_file.clone();
                std::iter::once(login.password_file.clone()).chain(totp).collect()
            }
        }
    }

    /// Reads the source's files before their secrets are needed, so that problems are known, and
    /// logged, in time.
    ///
    /// # Errors
    /// Why no token, or login, can be made from them.
    pub fn inspect(&self) -> Result<(), TokenProblem> {
        let inspected = self.inspect_source();
        self.state().unusable = inspected.as_ref().err().cloned();
        inspected
    }

    fn inspect_source(&self) -> Result<(), TokenProblem> {
        let TokenSource::Login(login) = &self.shared.source else {
            return self.current().map(|_| ());
        };
        self.note_protection(&read_secret("password", &login.password_file)?);
        if let Some(path) = &login.totp_secret_file {
            self.note_protection(&read_secret("TOTP secret", path)?);
        }
        Ok(())
    }

    /// The problem with the protection of the secrets: others can read their files.
    pub fn warning(&self) -> Option<String> {
        let _ = self.inspect();
        self.known_warning()
    }

    /// True if a refused token can be replaced by logging in.
    pub fn can_log_in(&self) -> bool {
        self.renewal() == TokenRenewal::ByItself
    }

    /// The way to get a token.
    pub(super) fn next(&self) -> Result<Next, TokenProblem> {
        if let TokenSource::Login(login) = &self.shared.source {
            return self.next_login(login);
        }
        let result = self.read_source();
        self.state().last = Some(result.clone());
        result.map(Next::Use)
    }

    fn next_login(&self, login: &LoginSource) -> Result<Next, TokenProblem> {
        let state = self.state();
        let old = match &state.session {
            Some(session) if session.renew_at.is_none_or(|at| clock::now() < at) => {
                return Ok(Next::Use(session.token.clone()));
            }
            Some(session) => Some(session.token.clone()),
            None => None,
        };
        if let Some(refused) = &state.refused
            && clock::since_boot() < refused.retry_at
            && read_secret("password", &login.password_file)
                .is_ok_and(|file| same(&file.secret, &refused.password))
        {
            return match old {
                Some(old) => Ok(Next::Use(old)),
                None => Err(refused.problem.clone()),
            };
        }
        Ok(Next::LogIn { with: login.clone(), instead_of: old })
    }

    /// Waits for a login that is under way, and keeps others from starting one.
    pub(super) async fn login_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.login.lock().await
    }

    /// Takes the token of a login.
    pub(super) fn logged_in(&self, token: SecretString) {
        let now = clock::now();
        // An `exp` that has already passed shows that the clocks differ, not that the token is bad.
        let renew_at = expiry(token.expose_secret()).filter(|end| *end > now).map(|end| {
            let lifetime = end.duration_since(now);
            end - (lifetime / 10).min(SignedDuration::from_mins(10))
        });
        let mut state = self.state();
        let before = state.session.replace(Session { token, renew_at });
        state.left_over.extend(before.map(|session| session.token));
        state.refused = None;
    }

    /// Notes that the agent refused a login, so that it is not tried over and over.
    pub(super) fn login_refused(&self, problem: TokenProblem, password: SecretString) {
        let mut state = self.state();
        let delay = match &state.refused {
            Some(refused) if same(&refused.password, &password) => {
                (refused.delay * 2).min(LOGIN_RETRY.1)
            }
            Some(_) | None => LOGIN_RETRY.0,
        };
        let retry_at = clock::since_boot() + delay;
        state.refused = Some(RefusedLogin { problem, retry_at, delay, password });
    }

    /// Notes that the agent refused a token: that of a login is discarded.
    pub(super) fn refused(&self, token: &SecretString) {
        let mut state = self.state();
        if state.session.as_ref().is_some_and(|session| same(&session.token, token)) {
            // A token that the agent refuses may still count as a session there.
            let before = state.session.take();
            state.left_over.extend(before.map(|session| session.token));
        }
    }

    /// The tokens of earlier logins; each is returned once.
    pub(super) fn take_left_over(&self) -> Vec<SecretString> {
        std::mem::take(&mut self.state().left_over)
    }

    /// The tokens of all logins whose sessions may still be open. The next caller that needs a
    /// token logs in anew.
    pub(super) fn take_sessions(&self) -> Vec<SecretString> {
        let mut state = self.state();
        let current = state.session.take().map(|session| session.token);
        std::mem::take(&mut state.left_over).into_iter().chain(current).collect()
    }

    /// Notes how a secret's file is protected, and warns once.
    pub(super) fn note_protection(&self, file: &SecretFile) {
        let mut state = self.state();
        let before = match &file.warning {
            Some(warning) => state.exposed.insert(file.path.clone(), warning.clone()),
            None => state.exposed.remove(&file.path),
        };
        if let (Some(warning), None, true) = (&file.warning, before, self.shared.logs) {
            tracing::warn!("{warning}");
        }
    }

    fn read_source(&self) -> Result<SecretString, TokenProblem> {
        let path = match &self.shared.source {
            TokenSource::File(path) => path.clone(),
            TokenSource::Environment(name) => return self.read_variable(name),
            TokenSource::Credential => self.credential().ok_or_else(|| {
                TokenProblem::Source(
                    "the job file names no token; set `agent.token_file`, or run `transferd login`"
                        .to_owned(),
                )
            })?,
            TokenSource::Login(_) => {
                return Err(TokenProblem::Source("a login has no token of its own".to_owned()));
            }
        };
        let mut file = read_secret("token", &path)?;
        if self.shared.source == TokenSource::Credential {
            // Its folder belongs to the service alone, and systemd grants it access by an access
            // list, which looks like a group's right in the mode (systemd.exec(5), "Credentials").
            file.warning = None;
        }
        self.note_protection(&file);
        file::check_token(&file.secret, &format!("the token in `{}`", path.display()))?;
        Ok(file.secret)
    }

    fn read_variable(&self, name: &str) -> Result<SecretString, TokenProblem> {
        let Some(value) = (self.shared.environment)(name) else {
            return Err(TokenProblem::Source(format!(
                "the variable `{name}`, which `agent.token_env` names, is not set"
            )));
        };
        let what = format!("the token in the variable `{name}`");
        let Ok(value) = value.into_string() else {
            return Err(TokenProblem::Source(format!("{what} is not text")));
        };
        let token = SecretString::from(value.trim());
        remember(&token, SecretKind::Random);
        file::check_token(&token, &what)?;
        Ok(token)
    }

    /// `$CREDENTIALS_DIRECTORY/token` (systemd.exec(5), LoadCredential=).
    fn credential(&self) -> Option<PathBuf> {
        let folder = (self.shared.environment)("CREDENTIALS_DIRECTORY")?;
        (!folder.is_empty()).then(|| PathBuf::from(folder).join("token"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; if something did, the state is still whole.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_beside(
    readings: &Beside<Result<SecretFile, TokenProblem>>,
    what: &'static str,
    path: &Path,
) -> Result<SecretFile, TokenProblem> {
    let path = path.to_owned();
    let read = readings.read(READ_MAX, move || read_secret(what, &path)).await;
    read.unwrap_or_else(|| Err(unread(what)))
}

fn unread(what: &str) -> TokenProblem {
    let words = format!("the {what} file could not be read within {READ_MAX:?}");
    TokenProblem::Source(format!("{words}: does its file system answer?"))
}

/// Whether two secrets are equal. Both are ours, so timing reveals nothing to anybody.
fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}
