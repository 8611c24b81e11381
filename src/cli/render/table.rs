//! Aligned columns, cut to the reader's width, coloured if wanted.

use std::io::IsTerminal;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use super::paint::Tone;

/// A terminal narrower than this is treated as if it had this width.
const NARROWEST: u16 = 40;

/// What the reader sees through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns; absent where lines may have any length, as in a file.
    pub width: Option<u16>,
    /// With colour.
    pub color: bool,
}

impl Screen {
    /// Standard output, coloured or not. `$COLUMNS` counts too, as for other tools.
    pub fn of_stdout(color: bool) -> Self {
        let stdout = std::io::stdout();
        let named = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let width = if stdout.is_terminal() {
            let size = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| size.ws_col);
            Some(size.filter(|width| *width > 0).or(named).unwrap_or(80))
        } else {
            named
        };
        Self { width: width.map(|width| width.max(NARROWEST)), color }
    }
}

/// Rows under a header, the columns two blanks apart.
#[derive(Debug)]
pub struct Rows {
    table: Table,
}

impl Rows {
    /// An empty table with these headings.
    pub fn new(screen: Screen, headings: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match screen.width {
            Some(width) => {
                table.set_width(width);
                table.set_content_arrangement(ContentArrangement::Dynamic);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        if screen.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(headings.iter().map(|text| cell(Tone::Faint, text)));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self { table }
    }

    /// Adds a row.
    pub fn add(&mut self, cells: impl IntoIterator<Item = (Tone, String)>) {
        self.table.add_row(cells.into_iter().map(|(tone, text)| cell(tone, &text)));
    }

    /// The table, without blanks at the ends of its lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn cell(tone: Tone, text: &str) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Plain => cell,
        Tone::Strong => cell.add_attribute(Attribute::Bold),
        Tone::Faint => cell.add_attribute(Attribute::Dim),
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Busy => cell.fg(Color::DarkCyan),
        Tone::Doubtful => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
    }
}
