//! `status --watch` on a terminal and in a pipe. The terminal is one of `script` (util-linux).

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::control::signal;
use crate::stage::{Stage, now};

/// What takes the second screen, and what gives it back.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `status --watch` on a terminal of its own; the terminal's settings are printed before and
/// after it.
struct Terminal {
    script: Child,
    out: ChildStdout,
    seen: String,
}

impl Terminal {
    fn watch(stage: &Stage) -> Self {
        Self::watch_on(stage, "xterm")
    }

    /// The same on a terminal of this kind.
    fn watch_on(stage: &Stage, kind: &str) -> Self {
        let globals = stage.globals().map(|text| format!("'{text}'")).join(" ");
        let command = format!(
            "trap : INT; stty rows 30 cols 100; stty -g; '{}' {globals} status --watch; \
             echo code=$?; stty -g",
            env!("CARGO_BIN_EXE_transferd")
        );
        let mut script = Command::new("script")
            .args(["-qfec", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = script.stdout.take().unwrap();
        Self { script, out, seen: String::new() }
    }

    /// Reads on until `text` has come since the last call. The view is drawn every second, so that
    /// there is always something to read until its time is over.
    fn until(&mut self, text: &str) {
        let began = now();
        let begin = self.seen.len();
        let mut bytes = Vec::new();
        loop {
            let mut part = [0; 4_096];
            let count = self.out.read(&mut part).unwrap();
            bytes.extend_from_slice(&part[..count]);
            self.seen.truncate(begin);
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
            if self.seen[begin..].contains(text) {
                return;
            }
            let left = count > 0 && began.elapsed() < PATIENCE;
            assert!(left, "waited in vain for {text:?}:\n{}", self.seen);
        }
    }

    /// Types.
    fn press(&mut self, keys: &str) {
        self.script.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Reads to the end, which must leave the terminal as it was.
    fn ends_tidily(mut self) {
        self.until("code=0");
        let stdin = self.script.stdin.take();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        drop(stdin);
        self.script.wait().unwrap();
        self.seen.push_str(&rest);
        let settings: Vec<_> =
            self.seen.lines().map(str::trim).filter(|line| is_settings(line)).collect();
        assert_eq!(settings.len(), 2, "{}", self.seen);
        assert_eq!(settings[0], settings[1]);
        assert_eq!(self.seen.matches(ENTER).count(), self.seen.matches(LEAVE).count());
        assert!(self.seen.rfind(LEAVE) > self.seen.rfind(ENTER));
        assert!(self.seen.rfind("\x1b[?25h") > self.seen.rfind("\x1b[?25l"), "the cursor is back");
        assert!(self.seen.rfind("\x1b[?7h") > self.seen.rfind("\x1b[?7l"), "lines wrap again");
    }
}

/// A line of `stty -g`: hexadecimal numbers between colons.
fn is_settings(line: &str) -> bool {
    line.len() > 20 && line.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
}

#[test]
fn the_live_view_gives_the_terminal_back_at_q_and_ctrl_c() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for keys in ["xyz q", "Q", "\x03"] {
        let mut terminal = Terminal::watch(&stage);
        terminal.until("nightly");
        terminal.press(keys);
        terminal.ends_tidily();
    }
}

#[test]
fn keys_look_into_runs_and_act_once_a_question_is_answered() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mut terminal = Terminal::watch(&stage);
    // Keys mean jobs, which have to be there.
    terminal.until("nightly");
    terminal.press("/han\r");
    terminal.until("/han (Esc: all)");
    terminal.press("t");
    terminal.until("run `hand` now? [y/N]");
    terminal.press("n");
    terminal.until("q quit");
    terminal.press("t");
    terminal.until("run `hand` now? [y/N]");
    terminal.press("y");
    terminal.until("`hand` runs as ");
    terminal.until("succeeded");
    // A page that was made while the run ended may still call it active; the next one does not.
    terminal.until("idle");
    terminal.press("\r");
    terminal.until("transfer ended");
    terminal.press("q");
    terminal.until("/han (Esc: all)");
    terminal.press("c");
    terminal.until("`hand` has no run to cancel");
    terminal.press("\x1b");
    terminal.until("nightly");
    terminal.press("?");
    terminal.until("trigger: run the job now");
    terminal.press("qq");
    terminal.ends_tidily();
    let runs = stage.json(&["history", "--json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1, "a no is a no");
}

#[test]
fn a_dumb_terminal_gets_blocks_of_lines() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mut terminal = Terminal::watch_on(&stage, "dumb");
    terminal.until("nightly");
    assert_eq!(stage.command(&["pause", "nightly", "--reason", "moving house"]).code, 0);
    terminal.until("moving house");
    terminal.press("\x03");
    terminal.until("code=0");
    assert!(!terminal.seen.contains("\x1b[H") && !terminal.seen.contains(ENTER));
    drop(terminal.script.stdin.take());
    terminal.script.wait().unwrap();
}

#[test]
fn the_live_view_outlives_a_restart_of_the_daemon() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let mut terminal = Terminal::watch(&stage);
    terminal.until("nightly");
    daemon.kill();
    terminal.until("waiting for it; what follows is of");
    let daemon = stage.start();
    terminal.until(&format!("pid {}", daemon.pid()));
    terminal.press("q");
    terminal.ends_tidily();
}

#[test]
fn in_a_pipe_a_page_is_written_when_something_has_changed() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let mut watch = stage.spawn(&["status", "--watch"]);
    let mut out = BufReader::new(watch.stdout.take().unwrap());
    let mut until = |text: &str| {
        let mut seen = String::new();
        while !seen.contains(text) {
            assert_ne!(out.read_line(&mut seen).unwrap(), 0, "waited in vain for {text}: {seen}");
        }
        assert!(!seen.contains('\x1b'), "no terminal, no codes: {seen:?}");
    };
    until("nightly");
    assert_eq!(stage.command(&["pause", "nightly", "--reason", "moving house"]).code, 0);
    until("moving house");
    daemon.kill();
    until("waiting for it");
    signal(&watch, Signal::TERM);
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}
