//! A terminal with somebody at it, for commands that ask.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::stage::PATIENCE;

/// A command at a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<String>,
    shown: String,
}

impl Terminal {
    /// Starts a command. Its standard streams are the terminal, and it controls it.
    pub(crate) fn start(command: &Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let path = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let line = || File::options().read(true).write(true).open(&path).unwrap();
        let mut leader = Command::new("setsid");
        leader.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            leader.current_dir(folder);
        }
        let child = leader.stdin(line()).stdout(line()).stderr(line()).spawn().unwrap();
        let keyboard = File::from(keyboard);
        let mut reader = keyboard.try_clone().unwrap();
        let (tell, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO when nobody holds the other end any more.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                if tell.send(text).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, shown: String::new() }
    }

    /// Waits until this stands on the screen, after what was waited for before.
    pub(crate) fn until(&mut self, text: &str) -> &mut Self {
        while !self.shown.contains(text) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(more) => self.shown += &more,
                Err(_) => panic!("`{text}` is never shown, but:\n{}", self.shown),
            }
        }
        self
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits for the command's end, and gives all that was shown.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        while let Ok(more) = self.screen.recv_timeout(PATIENCE) {
            self.shown += &more;
        }
        (status, std::mem::take(&mut self.shown))
    }
}
