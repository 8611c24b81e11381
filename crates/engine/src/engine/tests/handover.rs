//! Alerts that wait for an entry of the job file which is mended, or gone: who gets them.

use std::sync::Arc;

use super::alerts::{failed, one_try, webhook, with};
use super::stage::{Stage, job, secs};
use crate::alert::{Delivery, QueuedAlert};
use crate::input::Input;
use crate::job::{Alert, AlertChannel, AlertEvent, SecretText};
use crate::transfer::TransferStatus;

/// The receivers in the order in which they get what waits, with the words for it.
fn receivers(stage: &mut Stage) -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    while let Some(alert) = stage.deliveries.pop() {
        let by = stage.set.alerts.iter().map(|entry| &entry.channel);
        let channel = by.into_iter().find(|channel| channel.key() == alert.key);
        let Some(AlertChannel::Webhook { url: SecretText::Inline(url), .. }) = channel else {
            panic!("no entry has the channel of {alert:?}");
        };
        all.push((url["http://h/".len()..].to_owned(), alert.occasion.word()));
        stage.input(Input::Delivered { alert: alert.id, delivery: Delivery::Delivered });
    }
    all.sort();
    all
}

fn change(stage: &mut Stage, alerts: Vec<Alert>) {
    stage.set = with(stage.set.jobs.values().cloned().collect(), alerts);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
}

fn on_failed(names: &[&str]) -> Vec<Alert> {
    names.iter().map(|name| webhook(name, &[AlertEvent::Failed], &[])).collect()
}

/// A stage with one failed run, of which no entry could be notified.
fn with_a_failure_that_nobody_knows(names: &[&str]) -> Stage {
    let mut stage = Stage::with(with(vec![job("a", "to/", one_try)], on_failed(names)));
    stage.run_ends(1, TransferStatus::Error);
    while !stage.deliveries.is_empty() {
        stage.fail_delivery(failed());
    }
    stage
}

fn told(receivers: &[&str]) -> Vec<(String, &'static str)> {
    receivers.iter().map(|name| ((*name).to_owned(), "failed")).collect()
}

#[test]
fn what_waits_for_an_entry_goes_at_once_by_the_one_that_replaces_it() {
    let mut stage = with_a_failure_that_nobody_knows(&["typo"]);
    let id = stage.rows.outbox()[0].id;
    change(&mut stage, on_failed(&["mended"]));
    assert_eq!(stage.deliveries[0].id, id, "a receiver recognizes it");
    assert_eq!(receivers(&mut stage), told(&["mended"]));
    assert_eq!(stage.rows.alerts.len(), 0);

    // The file may be mended while the daemon is down.
    let mut stage = with_a_failure_that_nobody_knows(&["typo"]);
    stage.set = with(stage.set.jobs.values().cloned().collect(), on_failed(&["mended"]));
    stage.restart();
    assert_eq!(receivers(&mut stage), told(&["mended"]));
}

#[test]
fn each_of_several_mended_entries_gets_what_waited_in_its_place() {
    let mut stage = with_a_failure_that_nobody_knows(&["a", "b"]);
    change(&mut stage, on_failed(&["x", "y"]));
    assert_eq!(receivers(&mut stage), told(&["x", "y"]));
    // Two that become one are notified once.
    let mut stage = with_a_failure_that_nobody_knows(&["a", "b"]);
    change(&mut stage, on_failed(&["x"]));
    assert_eq!(receivers(&mut stage), told(&["x"]));
    assert_eq!(stage.rows.alerts.len(), 0);
    // One that has delivered it leaves nothing to its successor.
    let mut stage = Stage::with(with(vec![job("a", "to/", one_try)], on_failed(&["a", "b"])));
    stage.run_ends(1, TransferStatus::Error);
    let key = stage.set.alerts[0].channel.key();
    let (mut first, second): (Vec<_>, Vec<_>) =
        stage.deliveries.drain(..).partition(|alert| alert.key == key);
    let first = first.pop().expect("a delivery").id;
    stage.input(Input::Delivered { alert: first, delivery: Delivery::Delivered });
    stage.input(Input::Delivered { alert: second[0].id, delivery: failed() });
    change(&mut stage, on_failed(&["x", "y"]));
    assert_eq!(receivers(&mut stage), told(&["y"]));
}

#[test]
fn what_waits_for_an_entry_that_is_gone_is_dropped_where_no_other_wants_it() {
    let another = webhook("another", &[AlertEvent::Succeeded], &[]);
    let mut stage = with_a_failure_that_nobody_knows(&["typo"]);
    change(&mut stage, vec![another]);
    assert_eq!(stage.rows.alerts.len(), 0);
    let mut stage = with_a_failure_that_nobody_knows(&["typo"]);
    change(&mut stage, vec![webhook("another", &[AlertEvent::Failed], &["b*"])]);
    assert_eq!(stage.rows.alerts.len(), 0);
    // Those that were notified of it get it from their own entry alone.
    let mut stage = with_a_failure_that_nobody_knows(&["typo", "fine"]);
    change(&mut stage, on_failed(&["fine"]));
    stage.pass(secs(10));
    assert_eq!(receivers(&mut stage), told(&["fine"]));
}

#[test]
fn what_is_on_its_way_by_an_old_entry_is_not_sent_by_the_new_one_meanwhile() {
    let mut stage = Stage::with(with(vec![job("a", "to/", one_try)], on_failed(&["slow"])));
    stage.run_ends(1, TransferStatus::Error);
    let under_way: Arc<QueuedAlert> = stage.deliveries.pop().expect("a delivery");
    change(&mut stage, on_failed(&["mended"]));
    assert_eq!(stage.deliveries, []);
    stage.input(Input::Delivered { alert: under_way.id, delivery: failed() });
    stage.pass(secs(10));
    assert_eq!(receivers(&mut stage), told(&["mended"]));
}
