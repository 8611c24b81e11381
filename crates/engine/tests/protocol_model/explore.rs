//! Searches all states of one configuration, breadth first, up to the first broken promise: the
//! shortest way there is the counterexample.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::daemon::Daemon;
use super::moves::Move;
use super::state::{START, State};

/// Past this tick nothing new can happen: all deadlines and watches are over.
const HORIZON: u8 = START + 40;

/// The largest configuration: memory stays below 1 GiB with two at a time.
const STATES_MAX: usize = 1_200_000;

/// The result of an exploration.
#[derive(Debug)]
pub(crate) struct Report {
    /// Distinct states.
    pub(crate) states: usize,
    /// Moves between them.
    pub(crate) moves: usize,
    /// States in which everything is over.
    pub(crate) ends: usize,
    /// The shortest way to a broken promise.
    pub(crate) counterexample: Option<Counterexample>,
}

/// A broken promise, and the way to it.
#[derive(Debug)]
pub(crate) struct Counterexample {
    /// The promise.
    pub(crate) promise: &'static str,
    /// All moves, a line each.
    pub(crate) trace: String,
}

/// Explores all states.
pub(crate) fn explore(daemon: &Daemon) -> Report {
    let mut known: HashMap<Rc<State>, u32, BuildHasherDefault<Fast>> = HashMap::default();
    let start = Rc::new(daemon.bounds.start());
    let mut reached: Vec<(Rc<State>, u32, Move)> = vec![(Rc::clone(&start), 0, Move::Tick)];
    known.insert(start, 0);
    let mut report = Report { states: 0, moves: 0, ends: 0, counterexample: None };
    let mut next = 0;
    while next < reached.len() {
        let from = u32::try_from(next).expect("few states");
        let state = Rc::clone(&reached[next].0);
        next += 1;
        let moves = if state.now >= HORIZON { Vec::new() } else { daemon.moves(&state) };
        if moves.is_empty() || daemon.is_idle(&state) {
            report.ends += 1;
            if let Some(promise) = daemon.broken_at_the_end(&state) {
                let trace = trace(&reached, from, None);
                report.counterexample = Some(Counterexample { promise, trace });
                break;
            }
        }
        for happens in moves {
            report.moves += 1;
            let after = daemon.after(&state, happens);
            if let Some(promise) = daemon.broken(&state, happens, &after) {
                let trace = trace(&reached, from, Some((happens, &after)));
                report.counterexample = Some(Counterexample { promise, trace });
                report.states = reached.len();
                return report;
            }
            if !known.contains_key(&after) {
                let after = Rc::new(after);
                known.insert(Rc::clone(&after), from);
                reached.push((after, from, happens));
                assert!(reached.len() < STATES_MAX, "{} is too large", daemon.bounds.name);
            }
        }
    }
    report.states = reached.len();
    report
}

/// The way to a state, and the move that broke a promise there.
fn trace(reached: &[(Rc<State>, u32, Move)], to: u32, last: Option<(Move, &State)>) -> String {
    let mut way = Vec::new();
    let mut at = to;
    while at != 0 {
        let (state, from, happens) = &reached[at as usize];
        way.push((*happens, state.as_ref()));
        at = *from;
    }
    way.reverse();
    way.extend(last);
    let mut text = String::new();
    for (happens, state) in way {
        let runs: Vec<String> = state.runs.iter().map(|run| format!("{:?}", run.state)).collect();
        let attempts: Vec<String> =
            state.attempts.iter().map(|attempt| format!("{:?}", attempt.phase)).collect();
        let _ = writeln!(
            text,
            "  {:>2}  {happens:<68} runs {}; attempts {}",
            state.now - START,
            runs.join(", "),
            attempts.join(", ")
        );
    }
    text
}

/// A hasher for our own states: fast, and not safe against an attacker.
#[derive(Default)]
pub(crate) struct Fast(u64);

impl Fast {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Fast {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.mix(u64::from(byte));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn write_isize(&mut self, word: isize) {
        self.mix(word.cast_unsigned() as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }
}
