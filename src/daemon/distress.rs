//! Sends one alert from memory when nothing could be recorded for a while: a disk that is full at
//! night keeps every other alert from being queued, and so from reaching anybody.
//!
//! At most one is sent for each outage: whether it has arrived is not remembered.

use jiff::Timestamp;

use super::driver::Driver;
use super::effects::naming_entry;
use crate::alerts::Courier;
use crate::clock;
use crate::core::alert::{Delivery, Occasion, QueuedAlert};
use crate::core::ids::AlertId;
use crate::core::job::AlertEvent;

/// The event under which the alert is sent, the first of these that an entry names: all of them are
/// about something that keeps runs from working.
const WORDS: [AlertEvent; 5] = [
    AlertEvent::AgentDown,
    AlertEvent::ConfigInvalid,
    AlertEvent::TokenExpiring,
    AlertEvent::Late,
    AlertEvent::Failed,
];

impl Driver {
    /// The courier of alerts under the current job file.
    pub(super) fn courier(&self) -> Courier {
        self.courier.linking_to(self.in_force.settings.external_url.as_deref())
    }

    /// Reports a lasting outage to people, once.
    pub(super) fn report_outage(&mut self, now: Timestamp) {
        let Some(outage) = self.event_loop.outage_to_report(now) else { return };
        let reason = format!("nothing can be recorded since {:.0}: {}", outage.since, outage.words);
        let host = &self.event_loop.machine().hostname;
        let text = format!("transferd on {host} queues nothing: {reason}");
        for entry in &self.event_loop.jobs().alerts {
            let Some(event) = WORDS.into_iter().find(|event| entry.on.contains(event)) else {
                continue;
            };
            let id = AlertId(clock::random_uuid());
            let alert = QueuedAlert {
                reason: reason.clone(),
                text: text.clone(),
                ..QueuedAlert::new(id, entry.channel.key(), Occasion::Event(event), now)
            };
            let (courier, withheld) = (self.courier(), self.agent.secret_variables());
            let channel = entry.channel.clone();
            let entry = self.entry_of(&channel);
            tokio::spawn(async move {
                let delivery = courier.deliver(&alert, &channel, &withheld).await;
                match naming_entry(delivery, &entry) {
                    Delivery::Delivered => tracing::info!("{channel} was told about it"),
                    Delivery::Failed(words)
                    | Delivery::Later { words, .. }
                    | Delivery::Refused(words) => {
                        tracing::warn!("{channel} could not be told about it: {words}");
                    }
                }
            });
        }
    }
}
