//! `status --watch` on a terminal and in a pipe. What stands on the terminal is read as a terminal
//! shows it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::control::signal;
use crate::stage::{Stage, now};

/// What takes the second screen.
const ENTER: &str = "\x1b[?1049h";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The size of the terminal at first.
const ROWS: u16 = 30;
const COLUMNS: u16 = 100;

/// A terminal, and a command of the shell on it.
struct Terminal {
    shell: Child,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    /// All that was written.
    written: String,
    screen: vt100::Parser,
}

impl Terminal {
    fn watch(stage: &Stage) -> Self {
        Self::shell(&format!(
            "trap : INT; stty -g; {}; echo code=$?; stty -g",
            command(stage, "TERM=xterm", "")
        ))
    }

    /// Runs a command of the shell.
    fn shell(command: &str) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let path = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let line = || File::options().read(true).write(true).open(&path).unwrap();
        tcsetwinsize(&keyboard, size(ROWS, COLUMNS)).unwrap();
        let shell = Command::new("setsid")
            .args(["--ctty", "--wait", "sh", "-c", command])
            .env_remove("NO_COLOR")
            .stdin(line())
            .stdout(line())
            .stderr(line())
            .spawn()
            .unwrap();
        let keyboard = File::from(keyboard);
        let mut reader = keyboard.try_clone().unwrap();
        let (tell, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            // EIO when nobody holds the other end any more.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
        Self { shell, keyboard, output, written: String::new(), screen }
    }

    /// What stands on the screen.
    fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is like this.
    fn becomes(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        while !holds(self.screen.screen()) {
            let Ok(bytes) = self.output.recv_timeout(PATIENCE) else {
                panic!("waited in vain for {what}:\n{}", self.shown());
            };
            self.take(&bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.written.push_str(&String::from_utf8_lossy(bytes));
    }

    /// Waits until this stands on the screen.
    fn until(&mut self, text: &str) {
        self.becomes(text, |screen| screen.contents().contains(text));
    }

    /// Types.
    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    fn resize(&mut self, rows: u16, columns: u16) {
        self.screen.set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
        tcsetwinsize(&self.keyboard, size(rows, columns)).unwrap();
    }

    /// Reads to the end, which must leave the terminal as it was.
    fn ends_tidily(mut self) {
        self.until("code=0");
        assert!(self.shell.wait().unwrap().success());
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.take(&bytes);
        }
        let settings: Vec<_> =
            self.written.lines().map(str::trim).filter(|line| is_settings(line)).collect();
        assert_eq!(settings.len(), 2, "{}", self.written);
        assert_eq!(settings[0], settings[1]);
        let shown = self.shown();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "all is given back");
        assert!(self.written.contains(ENTER));
        assert!(!shown.contains("nightly"), "what was there before is there again: {shown}");
    }
}

/// A command of the shell that watches, in an environment and with options.
fn command(stage: &Stage, environment: &str, options: &str) -> String {
    let globals = stage.globals().map(|text| format!("'{text}'")).join(" ");
    let program = env!("CARGO_BIN_EXE_transferd");
    format!("env {environment} '{program}' {globals} status --watch {options}")
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
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
fn the_live_view_fits_the_terminal_also_when_that_has_another_size() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mut terminal = Terminal::watch(&stage);
    terminal.until("nightly");
    for (rows, columns) in [(12, 60), (40, 200), (24, 80)] {
        terminal.resize(rows, columns);
        let last = usize::from(rows) - 1;
        terminal.becomes("keys on the last line", |screen| {
            screen.contents().lines().nth(last).is_some_and(|line| line.starts_with("q quit"))
        });
        // The jobs have room, whatever stands above them.
        terminal.press("G");
        terminal.until("slow");
    }
    terminal.press("q");
    terminal.ends_tidily();
}

#[test]
fn the_live_view_lets_the_shell_have_the_terminal_for_a_while() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mut terminal = Terminal::shell(&format!("exec {}", command(&stage, "TERM=xterm", "")));
    terminal.until("nightly");
    terminal.press("\x1a");
    terminal.becomes("the first screen", |screen| !screen.alternate_screen());
    let stat = format!("/proc/{}/stat", terminal.shell.id());
    let is_stopped = || std::fs::read_to_string(&stat).unwrap().contains(") T ");
    let began = now();
    while !is_stopped() {
        assert!(began.elapsed() < PATIENCE, "it is never stopped");
        std::thread::yield_now();
    }
    signal(&terminal.shell, Signal::CONT);
    terminal.becomes("the second screen", vt100::Screen::alternate_screen);
    terminal.until("nightly");
    terminal.press("q");
    assert!(terminal.shell.wait().unwrap().success());
}

#[test]
fn the_live_view_is_coloured_as_it_is_asked_to_be() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let colored = [
        ("TERM=xterm", "", true),
        ("TERM=xterm NO_COLOR=1", "", false),
        ("TERM=xterm NO_COLOR=1", "--color always", true),
        ("TERM=xterm", "--color never", false),
    ];
    for (environment, options, expected) in colored {
        let command = command(&stage, environment, options);
        let mut terminal = Terminal::shell(&format!("exec {command}"));
        terminal.until("agent");
        terminal.until("nightly");
        let cells = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
        let cells: Vec<_> =
            cells.filter_map(|(row, column)| terminal.screen.screen().cell(row, column)).collect();
        let plain = |cell: &&vt100::Cell| cell.fgcolor() == vt100::Color::Default && !cell.dim();
        assert_eq!(cells.iter().any(|cell| !plain(cell)), expected, "{command}");
        assert!(cells.iter().any(|cell| cell.inverse()), "the job that keys are about is marked");
        terminal.press("q");
        assert!(terminal.shell.wait().unwrap().success());
    }
}

#[test]
fn words_of_others_do_not_steer_the_live_view() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let reason = "moved\x1b]0;title\x07 \x1b[2Jaway\u{9b}31m";
    assert_eq!(stage.command(&["pause", "nightly", "--reason", reason]).code, 0);
    let mut terminal = Terminal::watch(&stage);
    terminal.until("moved");
    assert!(terminal.shown().contains("away"), "{}", terminal.shown());
    for code in ["\x1b]0", "\x07", "\x1b[2Jaway", "\u{9b}"] {
        assert!(!terminal.written.contains(code), "{code:?}");
    }
    terminal.press("q");
    terminal.ends_tidily();
}

#[test]
fn a_dumb_terminal_gets_blocks_of_lines() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mut terminal =
        Terminal::shell(&format!("trap : INT; {}; echo code=$?", command(&stage, "TERM=dumb", "")));
    terminal.until("nightly");
    assert_eq!(stage.command(&["pause", "nightly", "--reason", "moving house"]).code, 0);
    terminal.until("moving house");
    terminal.press("\x03");
    terminal.until("code=0");
    assert!(!terminal.written.contains('\x1b'), "{}", terminal.written);
    terminal.shell.wait().unwrap();
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

#[test]
fn a_wait_on_a_dumb_terminal_prints_each_state_and_several_runs_their_jobs() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let globals = stage.globals().map(|text| format!("'{text}'")).join(" ");
    let trigger = format!("env TERM=dumb '{}' {globals} trigger", env!("CARGO_BIN_EXE_transferd"));
    let line = format!("{trigger} slow --wait; {trigger} hand lost; echo code=$?");
    let mut terminal = Terminal::shell(&line);
    terminal.until("code=0");
    let shown = terminal.shown();
    for expected in ["running", "succeeded: ", "  hand\n", "  lost\n"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}
