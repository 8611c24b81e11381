//! Aligned columns that fit the reader's width, with room for a remark on each row: beside it
//! where that is wide enough, else beneath it.
//!
//! Without a width, as in a pipe, each row is one line, for tools that work by lines.

use std::io::IsTerminal;

use super::fit::{cut, lines, plain, width};
use super::paint::{Paint, Tone};

/// A terminal narrower than this is treated as if it had this width: no table reads well in less.
const NARROWEST: u16 = 60;

/// Blanks between columns.
const GAP: usize = 2;

/// Remarks beneath a row are set in by this.
const INDENT: usize = 2;

/// Remarks are put beside their row where they have at least this much room: enough for a
/// sentence in two or three lines.
const REMARK_MIN: usize = 36;

/// Names are whole where remarks have this much room all the same: most take one line then.
const REMARK_GOOD: usize = 60;

/// Names are cut to this where remarks stand beside their rows.
const NAME_BESIDE: usize = 24;

/// Names are cut to no less than this, and other columns wrapped to no less than [`CELL_MIN`].
const NAME_MIN: usize = 16;
const CELL_MIN: usize = 8;

/// What the reader sees through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns; absent where lines may have any length, as in a file.
    pub width: Option<u16>,
    /// With colour.
    pub color: bool,
}

/// Whether the terminal takes lines only: nothing can be drawn over, and no cursor moved.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
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

    /// The columns to fill.
    pub fn room(self) -> Option<usize> {
        self.width.map(usize::from)
    }
}

/// Text with its tone.
type Toned = (Tone, String);

/// Rows under a header.
#[derive(Debug)]
pub struct Rows {
    screen: Screen,
    headings: Vec<String>,
    /// The column that is cut rather than wrapped.
    names: Option<usize>,
    /// The heading of remarks beside their rows; absent where they are always beneath.
    remarks: Option<String>,
    /// How many lines of remarks a row may have.
    remark_lines: usize,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// None for a line of its own.
    cells: Vec<Toned>,
    remarks: Vec<Toned>,
}

/// How the columns are laid out.
struct Layout {
    widths: Vec<usize>,
    /// Remarks stand beside their rows.
    beside: bool,
    /// The room of a remark's line.
    room: Option<usize>,
}

impl Rows {
    /// An empty table with these headings.
    pub fn new(screen: Screen, headings: &[&str]) -> Self {
        Self {
            screen,
            headings: headings.iter().map(|&text| text.to_owned()).collect(),
            names: None,
            remarks: None,
            remark_lines: usize::MAX,
            rows: Vec::new(),
        }
    }

    /// Cuts the texts of this column in their middle, where others are wrapped.
    #[must_use]
    pub fn cutting(mut self, column: usize) -> Self {
        self.names = Some(column);
        self
    }

    /// Puts remarks beside their rows under this heading, where there is room.
    #[must_use]
    pub fn beside(mut self, heading: &str) -> Self {
        self.remarks = Some(heading.to_owned());
        self
    }

    /// Shows at most so many lines of remarks on each row.
    #[must_use]
    pub fn brief(mut self, lines: usize) -> Self {
        self.remark_lines = lines;
        self
    }

    /// Adds a row.
    pub fn add(&mut self, cells: impl IntoIterator<Item = Toned>) {
        let cells = cells.into_iter().map(|(tone, text)| (tone, plain(&text))).collect();
        self.rows.push(Row { cells, remarks: Vec::new() });
    }

    /// Adds a remark on the row before.
    pub fn remark(&mut self, tone: Tone, text: String) {
        if let Some(row) = self.rows.last_mut() {
            row.remarks.push((tone, text));
        }
    }

    /// Adds a line that runs across the columns.
    pub fn line(&mut self, tone: Tone, text: String) {
        self.rows.push(Row { cells: Vec::new(), remarks: vec![(tone, text)] });
    }

    /// The table, without blanks at the ends of its lines.
    pub fn text(&self) -> String {
        let (mut text, rows) = self.parts();
        rows.iter().for_each(|row| text.push_str(row));
        text
    }

    /// The line of headings, and each row with its remarks, in one layout.
    pub fn parts(&self) -> (String, Vec<String>) {
        let layout = self.layout();
        let mut text = String::new();
        let mut headings: Vec<_> =
            self.headings.iter().map(|heading| vec![(Tone::Faint, heading.clone())]).collect();
        if layout.beside
            && let Some(heading) = &self.remarks
        {
            headings.push(vec![(Tone::Faint, heading.clone())]);
        }
        self.write(&mut text, &layout.widths, &headings);
        let row = |row| {
            let mut text = String::new();
            self.write_row(&mut text, &layout, row);
            text
        };
        (text, self.rows.iter().map(row).collect())
    }

    /// Decides on the widths: as each column would have it; where that is too much, names are
    /// cut first, then the widest column is wrapped.
    fn layout(&self) -> Layout {
        let mut widths: Vec<_> = self.headings.iter().map(|heading| width(heading)).collect();
        for row in &self.rows {
            for (natural, (_, cell)) in widths.iter_mut().zip(&row.cells) {
                *natural = (*natural).max(width(cell));
            }
        }
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len();
        let named = self.remarks.is_some() && self.rows.iter().any(|row| !row.remarks.is_empty());
        let Some(screen) = self.screen.room() else {
            return Layout { widths, beside: named, room: None };
        };
        let cut_to = |width: usize| {
            let mut cut = widths.clone();
            if let Some(name) = self.names {
                cut[name] = cut[name].min(width);
            }
            cut
        };
        let beside = named && total(&cut_to(NAME_MIN)) + REMARK_MIN <= screen;
        let whole = !beside || total(&widths) + REMARK_GOOD <= screen;
        let mut widths = if whole { cut_to(usize::MAX) } else { cut_to(NAME_BESIDE) };
        let room = if beside { screen - REMARK_MIN } else { screen + GAP };
        while total(&widths) > room {
            let name = self.names.filter(|name| widths[*name] > NAME_MIN);
            let widest = (0..widths.len()).max_by_key(|column| widths[*column]);
            match name.or(widest.filter(|column| widths[*column] > CELL_MIN)) {
                Some(column) => widths[column] -= 1,
                None => break,
            }
        }
        let room = if beside { screen - total(&widths) } else { screen - INDENT };
        Layout { widths, beside, room: Some(room) }
    }

    fn write_row(&self, text: &mut String, layout: &Layout, row: &Row) {
        if row.cells.is_empty() {
            for (tone, line) in &row.remarks {
                let line = Paint(self.screen.color).tone(*tone, &plain(line));
                text.push_str(&format!("{line}\n"));
            }
            return;
        }
        let mut columns: Vec<Vec<Toned>> = Vec::new();
        for (index, (tone, cell)) in row.cells.iter().enumerate() {
            let room = layout.widths.get(index).copied().filter(|_| layout.room.is_some());
            columns.push(match room {
                Some(room) if self.names == Some(index) => vec![(*tone, cut(cell, room))],
                room => lines(cell, room).into_iter().map(|line| (*tone, line)).collect(),
            });
        }
        let remarks = self.remark_lines(&row.remarks, layout);
        if layout.beside {
            columns.push(remarks);
            self.write(text, &layout.widths, &columns);
            return;
        }
        self.write(text, &layout.widths, &columns);
        for (tone, line) in remarks {
            let line = Paint(self.screen.color).tone(tone, &line);
            text.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    }

    /// A row's remarks in lines; without a width all in one.
    fn remark_lines(&self, remarks: &[Toned], layout: &Layout) -> Vec<Toned> {
        if layout.room.is_none() {
            let texts: Vec<_> = remarks.iter().map(|(_, text)| plain(text)).collect();
            let tone = remarks.first().map(|(tone, _)| *tone);
            return tone.map(|tone| (tone, texts.join("; "))).into_iter().collect();
        }
        let mut all = Vec::new();
        for (tone, text) in remarks {
            all.extend(lines(text, layout.room).into_iter().map(|line| (*tone, line)));
        }
        if all.len() > self.remark_lines {
            all.truncate(self.remark_lines);
            if let (Some((_, last)), Some(room)) = (all.last_mut(), layout.room) {
                *last = super::fit::cut_end(&format!("{last} …"), room);
            }
        }
        all
    }

    /// Writes columns of lines side by side.
    fn write(&self, text: &mut String, widths: &[usize], columns: &[Vec<Toned>]) {
        let paint = Paint(self.screen.color);
        let height = columns.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut pending = 0;
            for (index, column) in columns.iter().enumerate() {
                let filled = match column.get(line).filter(|(_, cell)| !cell.is_empty()) {
                    Some((tone, cell)) => {
                        text.push_str(&format!("{:pending$}{}", "", paint.tone(*tone, cell)));
                        pending = 0;
                        width(cell)
                    }
                    None => 0,
                };
                let room = widths.get(index).copied().unwrap_or(filled);
                pending += room.saturating_sub(filled) + GAP;
            }
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<u16>) -> String {
        let screen = Screen { width, color: false };
        let mut rows = Rows::new(screen, &["JOB", "STATE"]).cutting(0).beside("DETAIL").brief(2);
        rows.add([(Tone::Plain, "nightly".to_owned()), (Tone::Plain, "waiting".to_owned())]);
        rows.remark(Tone::Plain, "for a slot".to_owned());
        rows.add([(Tone::Plain, "日本".to_owned()), (Tone::Plain, "idle".to_owned())]);
        rows.text()
    }

    #[test]
    fn remarks_stand_beside_their_row_where_there_is_room() {
        let beside = "JOB      STATE    DETAIL\nnightly  waiting  for a slot\n日本     idle\n";
        assert_eq!(table(Some(54)), beside);
        assert_eq!(table(None), beside);
    }

    #[test]
    fn remarks_stand_beneath_their_row_where_there_is_not() {
        let beneath = "JOB      STATE\nnightly  waiting\n  for a slot\n日本     idle\n";
        assert_eq!(table(Some(53)), beneath);
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_long_remarks_end_early() {
        for width in 60..140 {
            let screen = Screen { width: Some(width), color: false };
            let mut rows =
                Rows::new(screen, &["JOB", "STATE", "LAST"]).cutting(0).beside("DETAIL").brief(2);
            rows.add(["long-".repeat(20), "waiting".to_owned(), "word ".repeat(20)].map(plainly));
            rows.remark(Tone::Plain, "日本語の reason ".repeat(40));
            let text = rows.text();
            for line in text.lines() {
                assert!(super::width(line) <= usize::from(width), "{width}: {line}");
            }
            assert!(text.contains('…'), "{text}");
        }
    }

    fn plainly(text: String) -> Toned {
        (Tone::Plain, text)
    }
}
