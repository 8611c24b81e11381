//! News from the daemon: a command that waits for a change follows the stream of events, and asks
//! when there was one, instead of polling.
//!
//! Keeps true: nothing that happens between two questions is missed; if the stream is unavailable
//! or has ended, the command only asks at intervals.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::control::client::{Client, Following};
use crate::control::events::HappenedDocument;
use crate::control::request::EventsQuery;

/// The pause before the next try at a daemon whose stream is unavailable.
const PAUSE: Duration = Duration::from_secs(1);

/// The stream, and the place in it.
#[derive(Debug, Default)]
pub(super) struct News {
    following: Option<Following>,
    last: Option<u64>,
}

impl News {
    /// Waits until an event that concerns the command has happened, or may have, as at the
    /// beginning and after each gap; `longest` at most.
    pub(super) async fn wait(
        &mut self,
        client: &Client,
        concerns: impl Fn(&HappenedDocument) -> bool,
        longest: Duration,
    ) {
        // Not everything that a command shows is an event.
        let _ = timeout(longest, self.until_news(client, concerns)).await;
    }

    async fn until_news(&mut self, client: &Client, concerns: impl Fn(&HappenedDocument) -> bool) {
        let Some(following) = &mut self.following else {
            let query = EventsQuery { since: self.last, ..EventsQuery::default() };
            match client.events(&query).await {
                // Earlier events are covered by a question now, and later ones come on the stream.
                Ok(following) => self.following = Some(following),
                Err(_) => sleep(PAUSE).await,
            }
            return;
        };
        loop {
            match following.next().await {
                Ok(happened) if concerns(&happened) => return,
                Ok(_) => {}
                Err(_) => {
                    self.last = following.last();
                    self.following = None;
                    return sleep(PAUSE).await;
                }
            }
        }
    }
}
