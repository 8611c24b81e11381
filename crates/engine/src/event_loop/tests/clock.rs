//! The clock is set while batches are committed, refused, and decided anew.

use super::*;

#[test]
fn a_step_of_the_clock_is_told_until_it_is_recorded() {
    let (mut desk, _) = Desk::at_work();
    let deadline = |desk: &Desk| desk.rows.attempts.values().next().map(|row| row.deadline);
    let before = deadline(&desk);
    desk.disk_is_full = true;
    desk.now += secs(10);
    desk.event_loop.push(Input::ClockStepped { by: secs(10) });
    desk.turn();
    // And once more, with the outage under way.
    desk.now -= secs(600);
    desk.event_loop.push(Input::ClockStepped { by: secs(-600) });
    desk.disk_is_full = false;
    let next = desk.event_loop.next_wakeup().expect("a try");
    assert_eq!(next, desk.now + OUTAGE_RETRY.0, "no step puts it off");
    desk.now = next;
    desk.turn();
    assert_eq!(deadline(&desk), before.map(|at| at - secs(590)));
    desk.forget();
    desk.event_loop.push(Input::TokenChanged);
    desk.turn();
    assert_eq!(desk.said("the clock was set"), 0, "the engine knows it by now");
}

#[test]
fn a_step_that_is_recorded_moves_nothing_in_a_later_outage_and_two_in_a_batch_are_both_told() {
    let (mut desk, _) = Desk::at_work();
    let deadline = |desk: &Desk| desk.rows.attempts.values().next().map(|row| row.deadline);
    let before = deadline(&desk);
    for by in [20, 10] {
        desk.now += secs(by);
        desk.event_loop.push(Input::ClockStepped { by: secs(by) });
    }
    desk.turn();
    assert_eq!(deadline(&desk), before.map(|at| at + secs(30)));
    desk.disk_is_full = true;
    desk.operator(trigger("a", 2));
    desk.turn();
    assert!(desk.event_loop.outage().is_some());
    desk.disk_is_full = false;
    desk.now += OUTAGE_RETRY.0;
    desk.turn();
    assert!(desk.event_loop.outage().is_none());
    assert_eq!(deadline(&desk), before.map(|at| at + secs(30)));
}

#[test]
fn what_is_due_after_an_outage_is_judged_by_the_clock_as_it_was_set_meanwhile() {
    let mut desk = Desk::new(two_jobs());
    desk.now = at("00:59:50");
    desk.disk_is_full = true;
    desk.operator(trigger("a", 1));
    desk.turn();
    assert_eq!(desk.settled, [Err(FULL.to_owned())]);
    desk.disk_is_full = false;
    // A moment before the hour at which both are due, the clock is set back.
    desk.now -= secs(10);
    desk.event_loop.push(Input::ClockStepped { by: secs(-10) });
    desk.now += secs(15);
    desk.turn();
    assert!(desk.event_loop.outage().is_none());
    assert_eq!(desk.rows.runs.len(), 0, "by the old clock it is past the hour");
    desk.now = at("01:00:00");
    desk.turn();
    assert_eq!(desk.rows.runs.len(), 2);
}

#[test]
fn a_step_of_the_clock_is_heard_before_what_else_has_happened() {
    let mut desk = Desk::new(two_jobs());
    let leap = SignedDuration::from_hours(9);
    desk.now += leap;
    desk.event_loop.push(Input::Notified);
    desk.event_loop.push(Input::ClockStepped { by: leap });
    desk.turn();
    assert_eq!(desk.rows.order, [], "nothing that the clock has leapt over was missed");
}
