//! The entries of a new job set, and the messages that wait for entries which it no longer has.
//!
//! An entry is known by its channel, so an entry whose address or command is mended is another one:
//! the messages that waited for the old channel must outlive that. Keeps true: a message is
//! handed over only to an entry that names its event and job, that was not notified of it before,
//! and that no other copy of it waits for.

use std::sync::Arc;

use super::Engine;
use super::alerts::Entry;
use crate::alert::{Occasion, QueuedAlert};
use crate::ids::AlertKey;
use crate::input::Level;
use crate::record::Record;

/// The fate of a message whose entry is gone.
enum Handover {
    /// It goes through this entry.
    To(AlertKey),
    /// An entry waits to deliver the same already.
    Duplicate,
    /// No entry wants it.
    Nobody,
}

impl Engine {
    /// Takes the entries of a new job set.
    pub(super) fn take_entries(&mut self) {
        self.entries = self.set.alerts.iter().map(Entry::new).collect();
        let digests = self.take_digests();
        let gone = |row: &&Arc<QueuedAlert>| self.channel_of(row.key).is_none();
        let orphans: Vec<_> = self.state.outbox().rows().filter(gone).map(Arc::clone).collect();
        for orphan in orphans {
            match self.handover(&orphan, &digests) {
                Handover::To(key) => self.hand_over(&orphan, key),
                Handover::Duplicate => self.record(Record::AlertGone(orphan.id)),
                Handover::Nobody => {
                    let words = "its entry is gone from the job file, so it is dropped";
                    self.log_alert(Level::Warn, &orphan, words);
                    self.record(Record::AlertGone(orphan.id));
                }
            }
        }
    }

    /// The entry that takes the place of a message's own. `digests` are those whose channel has
    /// changed, with their new keys.
    fn handover(&self, row: &QueuedAlert, digests: &[(AlertKey, AlertKey)]) -> Handover {
        if row.occasion == Occasion::Digest {
            let renamed = digests.iter().find(|(old, _)| *old == row.key);
            return renamed.map_or(Handover::Nobody, |(_, new)| Handover::To(*new));
        }
        let mut heirs = self.receivers(row.occasion, row.job.as_ref());
        heirs.retain(|key| !row.receivers.contains(key));
        // Of several entries that have changed, each takes over from the one in its order.
        let mut gone = row.receivers.iter().filter(|key| self.channel_of(**key).is_none());
        let place = gone.position(|key| *key == row.key).unwrap_or_default();
        let Some(heir) = heirs.get(place).or(heirs.last()).copied() else {
            return Handover::Nobody;
        };
        let is_same = |other: &QueuedAlert| {
            (other.occasion, other.at, &other.job, other.run)
                == (row.occasion, row.at, &row.job, row.run)
        };
        let mut waiting = self.state.outbox().rows();
        match waiting.any(|other| other.key == heir && is_same(other)) {
            true => Handover::Duplicate,
            false => Handover::To(heir),
        }
    }

    /// Gives a message to another entry, which tries it at once.
    fn hand_over(&mut self, orphan: &QueuedAlert, key: AlertKey) {
        let own = |receiver: &AlertKey| if *receiver == orphan.key { key } else { *receiver };
        let row = QueuedAlert {
            key,
            receivers: orphan.receivers.iter().map(own).collect(),
            tries: 0,
            next_try: self.now,
            last_error: None,
            ..orphan.clone()
        };
        let words = "it waited for an entry that has changed, and is tried by the new one";
        self.log_alert(Level::Info, &row, words);
        self.record(Record::AlertQueued(Arc::new(row)));
    }
}
