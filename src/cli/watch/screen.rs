//! The terminal while it is ours: the alternate screen, of which only changes are drawn; all of it
//! is given back at the end, and while suspended.
//!
//! Does not know the content that is drawn.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::{Terminal, TerminalOptions, Viewport};
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};

/// The size assumed for a terminal without one.
const COMMON: (u16, u16) = (80, 24);

/// The screen while it is ours.
pub(super) struct Screen<'a> {
    terminal: Terminal<CrosstermBackend<&'a mut dyn Write>>,
    area: Rect,
}

impl<'a> Screen<'a> {
    /// Takes the screen.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn begin(out: &'a mut dyn Write) -> io::Result<Self> {
        // Colors are already decided on: the library need not ask again.
        force_color_output(true);
        let area = Self::area();
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let terminal = Terminal::with_options(CrosstermBackend::new(out), options)?;
        let mut screen = Self { terminal, area };
        screen.enter()?;
        Ok(screen)
    }

    /// Columns and lines.
    pub(super) fn area() -> Rect {
        let size =
            tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
        let (columns, rows) = size.map_or(COMMON, |size| (size.ws_col, size.ws_row));
        Rect::new(0, 0, columns, rows)
    }

    /// Draws lines, from the top.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(&mut self, lines: Vec<Line<'_>>) -> io::Result<()> {
        let area = Self::area();
        if area != self.area {
            self.terminal.resize(area)?;
            self.area = area;
        }
        let draw = self.terminal.draw(|frame| frame.render_widget(Text::from(lines), area));
        draw.map(|_| ())
    }

    /// Gives the screen back, stops this process, and takes the screen when it goes on.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.leave();
        // A signal to ourselves can't fail.
        let _ = kill_process(getpid(), Signal::STOP);
        self.enter()?;
        // The size may have changed, and so may the second screen.
        self.area = Self::area();
        self.terminal.resize(self.area)
    }

    fn enter(&mut self) -> io::Result<()> {
        // Without it keys come a line late, which does no harm.
        if enable_raw_mode().is_ok() {
            let _ = with_keyboard(keep_signals);
        }
        execute!(self.terminal.backend_mut(), EnterAlternateScreen, Hide)
    }

    fn leave(&mut self) {
        let _ = execute!(self.terminal.backend_mut(), LeaveAlternateScreen, Show);
        // Text typed into the page is not for the shell.
        let _ = with_keyboard(|keyboard| Ok(tcflush(keyboard, QueueSelector::IFlush)?));
        let _ = disable_raw_mode();
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Does something to the keyboard that the library reads.
fn with_keyboard(act: impl FnOnce(&dyn AsFd) -> io::Result<()>) -> io::Result<()> {
    if io::stdin().is_terminal() { act(&io::stdin()) } else { act(&File::open("/dev/tty")?) }
}

/// Keeps Ctrl-C and Ctrl-Z as signals, which are handled at any time.
fn keep_signals(keyboard: &dyn AsFd) -> io::Result<()> {
    let mut settings = tcgetattr(keyboard.as_fd())?;
    settings.local_modes.insert(LocalModes::ISIG);
    Ok(tcsetattr(keyboard.as_fd(), OptionalActions::Now, &settings)?)
}
