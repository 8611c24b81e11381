//! The outbox in memory: the rows, in order, and the indexes over them.
//!
//! `alerts` decides which messages are queued, and when each is delivered. Keeps true: each entry of
//! the job file has at most one alert under delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::alert::QueuedAlert;
use crate::ids::{AlertId, AlertKey};
use crate::limits::DELIVERIES_MAX;

/// Alerts that are not delivered yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// All of them, by number.
    rows: BTreeMap<u64, Arc<QueuedAlert>>,
    /// The number of each.
    numbers: BTreeMap<AlertId, u64>,
    /// Those of each entry.
    of_entry: BTreeMap<AlertKey, BTreeSet<u64>>,
}

/// Deliveries under way. Lost in a crash: then they are made again.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// By entry.
    under_way: BTreeMap<AlertKey, AlertId>,
    /// When the next one is due; absent when none is.
    next: Option<Timestamp>,
}

impl Deliveries {
    /// True while an alert of the same entry is being delivered, or this one is by the entry that it
    /// was handed over from.
    pub(super) fn hold_up(&self, alert: &QueuedAlert) -> bool {
        self.under_way.contains_key(&alert.key)
            || self.under_way.values().any(|under_way| *under_way == alert.id)
    }

    /// True while as many deliveries are under way as allowed.
    pub(super) fn are_full(&self) -> bool {
        self.under_way.len() >= DELIVERIES_MAX
    }

    /// Begins a delivery.
    pub(super) fn begin(&mut self, alert: &QueuedAlert) {
        self.under_way.insert(alert.key, alert.id);
    }

    /// Ends a delivery.
    pub(super) fn end(&mut self, alert: AlertId) {
        self.under_way.retain(|_, under_way| *under_way != alert);
    }

    /// Sets when the next one is due.
    pub(super) fn plan(&mut self, next: Option<Timestamp>) {
        self.next = next;
    }

    /// When the next one is due; absent when none is.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }
}

impl Outbox {
    /// Puts a row in its place.
    pub(super) fn put(&mut self, row: &Arc<QueuedAlert>) {
        self.remove(row.id);
        self.numbers.insert(row.id, row.number);
        self.of_entry.entry(row.key).or_default().insert(row.number);
        self.rows.insert(row.number, Arc::clone(row));
    }

    /// Removes a row.
    pub(super) fn remove(&mut self, id: AlertId) {
        let Some(number) = self.numbers.remove(&id) else { return };
        let row = self.rows.remove(&number).expect("each number is that of a row");
        if let Some(numbers) = self.of_entry.get_mut(&row.key) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.of_entry.remove(&row.key);
            }
        }
    }

    /// A row.
    pub(super) fn get(&self, id: AlertId) -> Option<&Arc<QueuedAlert>> {
        self.rows.get(self.numbers.get(&id)?)
    }

    /// The number that the next row gets.
    pub(super) fn next_number(&self) -> u64 {
        self.rows.last_key_value().map_or(1, |(last, _)| last.saturating_add(1))
    }

    /// The number of alerts.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Arc<QueuedAlert>> {
        self.rows.values()
    }

    /// The first row of each entry: the next one to deliver.
    pub(super) fn heads(&self) -> impl Iterator<Item = &Arc<QueuedAlert>> {
        self.of_entry.values().filter_map(|numbers| self.rows.get(numbers.first()?))
    }
}
