//! The agent as the loop uses it: a client under the settings in force, the notification socket
//! while it is wanted, and one glance for `status`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::event::Event;
use crate::agent::notifications::{self, Listener};
use crate::agent::{
    AgentClient, AskError, Keep, Owners, RequestCounters, TokenKeeper, UnusableSettings,
};
use crate::clock;
use crate::core::job::TokenRenewal;
use crate::core::transfer::AgentState;
use crate::settings::{AgentConnection, TokenSource};

/// The age of the last contact from which `status` asks the agent again (docs/reference.md,
/// "Agent").
const STALE: SignedDuration = SignedDuration::from_secs(60);

/// The longest time that `status` waits for the agent.
const GLANCE_MAX: Duration = Duration::from_secs(3);

/// The agent's version is asked for once a day at most, and while in contact (docs/reference.md,
/// "Agent"): the agent asks the vendor's update feed for it.
const VERSION_HOLDS: SignedDuration = SignedDuration::from_hours(24);

/// The agent's answer to `status`.
#[derive(Clone, Debug)]
pub(super) struct AgentProbe {
    pub(super) at: Timestamp,
    pub(super) reachable: bool,
    pub(super) state: AgentState,
    pub(super) token_valid: Option<bool>,
    /// The problem, in words.
    pub(super) words: String,
}

/// The agent.
pub(super) struct Agent {
    client: AgentClient,
    settings: AgentConnection,
    /// Keeps the user who first held the agent's port.
    keep: Keep,
    listener: Listener,
    listening: Option<JoinHandle<()>>,
    pub(super) glance: Option<AgentProbe>,
    glancing: bool,
    /// The token has another value since the agent was asked last: what is known is about the old.
    has_new_token: bool,
    /// Its version, as last reported.
    pub(super) version: Option<String>,
    /// When its version was requested, since boot.
    version_asked: Option<SignedDuration>,
    /// The token's end, as last given to the engine.
    known_end: Option<Timestamp>,
}

impl Agent {
    /// The agent under these settings; `listener` is notified when its socket reports a change.
    /// `first` is the user who held its port first, if known; otherwise `keep` is called with that
    /// user.
    pub(super) fn new(
        settings: &AgentConnection,
        listener: Listener,
        first: Option<u32>,
        keep: Keep,
    ) -> Result<Self, UnusableSettings> {
        Ok(Self {
            client: client(settings, first, &keep, Arc::default())?,
            settings: settings.clone(),
            keep,
            listener,
            listening: None,
            glance: None,
            glancing: false,
            has_new_token: false,
            version: None,
            version_asked: None,
            known_end: None,
        })
    }

    /// Warns early of a token that can't be read, or that others can read: an idle daemon needs
    /// none before its first run, at night. Answered by [`Event::TokenLookedAt`].
    pub(super) fn look_at_token(&self, events: &UnboundedSender<Event>) {
        let (keeper, events) = (self.client.token().clone(), events.clone());
        tokio::spawn(async move {
            let look = keeper.look().await;
            let problem = match &look {
                None => Some("its file can't be read in time".to_owned()),
                Some(look) => look.problem.as_ref().map(ToString::to_string),
            };
            if let Some(problem) = problem {
                tracing::warn!("there is no token yet, and runs will wait for one: {problem}");
            }
            // The loop is gone only when the daemon stops.
            let _ = events.send(Event::TokenLookedAt { changed: false });
        });
    }

    /// Checks the token after a change of a file, perhaps of the token's. Answered by
    /// [`Event::TokenLookedAt`].
    pub(super) fn has_token_changed(&self, events: &UnboundedSender<Event>) {
        let (keeper, events) = (self.client.token().clone(), events.clone());
        tokio::spawn(async move {
            let changed = keeper.look().await.is_some_and(|look| look.changed);
            let _ = events.send(Event::TokenLookedAt { changed });
        });
    }

    /// When the token in use ends, as far as it was read; absent if unknown, or if a login renews
    /// it, so that nobody has to act.
    pub(super) fn known_token_end(&self) -> Option<Timestamp> {
        let token = self.client.token();
        token.known_end().filter(|_| token.renewal() != TokenRenewal::ByItself)
    }

    /// As [`Self::known_token_end`], for the engine.
    pub(super) fn token_ends(&mut self) -> Option<Timestamp> {
        self.known_end = self.known_token_end();
        self.known_end
    }

    /// As [`Self::token_ends`], if it has changed since it was last given to the engine.
    pub(super) fn new_token_ends(&mut self) -> Option<Option<Timestamp>> {
        let before = self.known_end;
        let ends = self.token_ends();
        (ends != before).then_some(ends)
    }

    /// Variables of this process that hold secrets, to be kept from its child processes.
    pub(super) fn secret_variables(&self) -> Vec<String> {
        match &self.settings.token {
            TokenSource::Environment(name) => vec![name.clone()],
            TokenSource::File(_) | TokenSource::Login(_) | TokenSource::Credential => Vec::new(),
        }
    }

    /// The client, for an effect.
    pub(super) fn client(&self) -> &AgentClient {
        &self.client
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> &AgentConnection {
        &self.settings
    }

    /// Puts other settings in force. Requests under way end under the old ones.
    pub(super) fn change(
        &mut self,
        settings: &AgentConnection,
        events: &UnboundedSender<Event>,
    ) -> Result<(), UnusableSettings> {
        if *settings == self.settings {
            return Ok(());
        }
        let counters = Arc::clone(self.client.requests());
        let first = self.client.owners().first();
        let new = client(settings, first, &self.keep, counters)?;
        let old = std::mem::replace(&mut self.client, new);
        tokio::spawn(async move { old.log_out().await });
        self.settings = settings.clone();
        self.listen(false);
        self.glance = None;
        (self.version, self.version_asked) = (None, None);
        self.look_at_token(events);
        Ok(())
    }

    /// Ends the sessions of this client.
    pub(super) async fn log_out(&self) {
        self.client.log_out().await;
    }

    /// Opens or closes the notification socket.
    pub(super) fn listen(&mut self, wanted: bool) {
        match (wanted, self.listening.take()) {
            (true, None) => {
                let (url, owners) = (self.client.notification_url(), self.client.owners().clone());
                let listen = notifications::listen(url, owners, self.listener.clone());
                self.listening = Some(tokio::spawn(listen));
            }
            (true, listening) => self.listening = listening,
            (false, Some(listening)) => listening.abort(),
            (false, None) => {}
        }
    }

    /// Asks the agent for `status` if it was not asked lately, or is about to be; answered by
    /// [`Event::Glanced`]. True if an answer is to be waited for.
    pub(super) fn glance_if_stale(
        &mut self,
        asked_at: Option<Timestamp>,
        events: &UnboundedSender<Event>,
        now: Timestamp,
    ) -> bool {
        let latest = asked_at.max(self.glance.as_ref().map(|glance| glance.at));
        let fresh = latest.is_some_and(|at| now.duration_since(at).abs() < STALE);
        if fresh && !self.has_new_token {
            return false;
        }
        if !self.glancing {
            (self.glancing, self.has_new_token) = (true, false);
            let (client, events) = (self.client.clone(), events.clone());
            tokio::spawn(async move {
                let glance = glance(&client).await;
                // The loop is gone only when the daemon stops.
                let _ = events.send(Event::Glanced(glance));
            });
        }
        true
    }

    /// Notes that the token was replaced: the next `status` asks, however short ago that was done.
    pub(super) fn token_changed(&mut self) {
        self.has_new_token = true;
    }

    /// Requests the version of the agent, which has just answered, if that is due; answered by
    /// [`Event::VersionLearned`].
    pub(super) fn in_contact(&mut self, events: &UnboundedSender<Event>) {
        let now = clock::since_boot();
        if self.version_asked.is_some_and(|asked| now - asked < VERSION_HOLDS) {
            return;
        }
        self.version_asked = Some(now);
        let (client, events) = (self.client.clone(), events.clone());
        tokio::spawn(async move {
            let version = match client.version().await {
                Ok(version) => Some(version.current),
                Err(error) => {
                    tracing::debug!("the agent does not tell its version: {error}");
                    None
                }
            };
            let _ = events.send(Event::VersionLearned { asked: now, version });
        });
    }

    /// Takes in the agent's version, or its absence, requested then.
    pub(super) fn on_version(&mut self, asked: SignedDuration, version: Option<String>) {
        // Another agent may have been asked since.
        if self.version_asked == Some(asked) {
            self.version = version;
        }
    }

    /// Takes in the answer.
    pub(super) fn glanced(&mut self, glance: AgentProbe) {
        self.glancing = false;
        self.glance = Some(glance);
    }
}

fn client(
    settings: &AgentConnection,
    first: Option<u32>,
    keep: &Keep,
    counters: Arc<RequestCounters>,
) -> Result<AgentClient, UnusableSettings> {
    let owners = Owners::new(&settings.user, first, Arc::clone(keep));
    AgentClient::with(settings, keeper(settings), owners, counters)
}

fn keeper(settings: &AgentConnection) -> TokenKeeper {
    TokenKeeper::new(settings.token.clone(), |name: &str| std::env::var_os(name))
}

async fn glance(client: &AgentClient) -> AgentProbe {
    let asking = async {
        match client.agent_status().await {
            Ok(state) => match client.user().await {
                Ok(_) => (true, state, Some(true), String::new()),
                Err(error @ AskError::BadToken(_)) => (true, state, Some(false), error.to_string()),
                Err(
                    error @ (AskError::Unreachable(_)
                    | AskError::PortHeld(_)
                    | AskError::Refused { .. }
                    | AskError::NoSuchRoute(_)
                    | AskError::Unusable(_)),
                ) => (true, state, None, error.to_string()),
            },
            Err(error) => (false, AgentState::Unknown, None, error.to_string()),
        }
    };
    let silent = (false, AgentState::Unknown, None, "the agent does not answer".to_owned());
    let (reachable, state, token_valid, words) =
        tokio::time::timeout(GLANCE_MAX, asking).await.unwrap_or(silent);
    AgentProbe { at: clock::now(), reachable, state, token_valid, words }
}
