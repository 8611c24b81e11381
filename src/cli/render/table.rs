//! Aligned columns that fit the reader's width, with room for a remark on each row: beside it where
//! the screen is wide enough, else beneath it.
//!
//! Without a width, as in a pipe, each row is one line, for tools that work by lines.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use super::fit::{lines, longest_part, longest_piece, longest_word, plain, width};
use super::paint::{Paint, Tone};

/// A narrower terminal is treated as if it had this width: no table is readable in less.
const NARROWEST: u16 = 60;

/// Blanks between columns.
const GAP: usize = 2;

/// The indent of remarks beneath a row.
const INDENT: usize = 2;

/// Remarks are put beside their row where they have at least this much room: enough for a
/// sentence in two or three lines.
const REMARK_MIN: usize = 36;

/// The room for remarks from which the column of names is not narrowed: most remarks take one line
/// then.
const REMARK_GOOD: usize = 60;

/// The width to which the column of names is narrowed where remarks are beside their rows.
const NAME_BESIDE: usize = 24;

/// The least width of the column of names, as long as there is room; other columns are then
/// wrapped to no less than their longest word.
const NAME_MIN: usize = 16;

/// The width of the column of names where there is no such room; words are then broken to no less
/// than [`CELL_LEAST`].
const NAME_LEAST: usize = 6;
const CELL_LEAST: usize = 4;

/// The reader's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns; absent where lines may have any length, as in a file.
    pub width: Option<u16>,
    /// With color.
    pub color: bool,
}

/// Whether the terminal shows lines only: nothing can be redrawn, and the cursor can't be moved.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

impl Screen {
    /// Standard output, colored or not. `$COLUMNS` counts too, as for other tools.
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

    /// The columns of a stream, if that is a terminal.
    pub fn room_of(stream: impl IsTerminal + AsFd) -> Option<usize> {
        let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(&stream).ok());
        let width = size.flatten().map(|size| size.ws_col).filter(|width| *width > 0);
        width.map(|width| usize::from(width.max(NARROWEST)))
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
    /// The column whose texts are never cut or wrapped.
    names: Option<usize>,
    /// The heading of remarks beside their rows; absent if they are always beneath.
    remarks: Option<String>,
    /// The most lines of remarks on a row.
    remark_lines: usize,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// None for a line of its own.
    cells: Vec<Toned>,
    remarks: Vec<Toned>,
}

/// The layout of the columns.
struct Layout {
    widths: Vec<usize>,
    /// Remarks are beside their rows.
    beside: bool,
    /// The width of a remark's line.
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

    /// Keeps the texts of this column whole, as the reader may have to type them: if a text is wider
    /// than the column, the rest of its row is on the next line. If it is wider than the screen, the
    /// terminal wraps it, and still copies it whole.
    #[must_use]
    pub fn naming(mut self, column: usize) -> Self {
        self.names = Some(column);
        self
    }

    /// Puts remarks beside their rows under this heading, where there is room.
    #[must_use]
    pub fn beside(mut self, heading: &str) -> Self {
        self.remarks = Some(heading.to_owned());
        self
    }

    /// Shows at most this many lines of remarks on each row.
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

    /// Adds a line across the columns.
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
        let heading = |(heading, room): (&String, &usize)| {
            let room = layout.room.map(|_| *room);
            lines(heading, room).into_iter().map(|line| (Tone::Faint, line)).collect::<Vec<_>>()
        };
        let mut headings: Vec<_> = self.headings.iter().zip(&layout.widths).map(heading).collect();
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

    /// Decides on the widths: the preferred ones; if they are too much, the column of names is
    /// narrowed first, then the widest column.
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
        let narrowed_to = |width: usize| {
            let mut narrowed = widths.clone();
            if let Some(name) = self.names {
                narrowed[name] = narrowed[name].min(width);
            }
            narrowed
        };
        let beside = named && total(&narrowed_to(NAME_MIN)) + REMARK_MIN <= screen;
        let whole = !beside || total(&widths) + REMARK_GOOD <= screen;
        let mut widths = if whole { narrowed_to(usize::MAX) } else { narrowed_to(NAME_BESIDE) };
        let room = if beside { screen - REMARK_MIN } else { screen + GAP };
        let words = self.longest_words(longest_word);
        let (parts, pieces) = (self.longest_words(longest_part), self.longest_words(longest_piece));
        while total(&widths) > room {
            let name = |least| self.names.filter(|name| widths[*name] > least);
            let widest = |least: &dyn Fn(usize) -> usize| {
                let columns = 0..widths.len();
                let columns = columns.filter(|column| widths[*column] > least(*column));
                columns.max_by_key(|column| widths[*column])
            };
            let narrower = name(NAME_MIN)
                .or_else(|| widest(&|column| words[column]))
                .or_else(|| widest(&|column| parts[column]))
                .or_else(|| widest(&|column| pieces[column]))
                .or_else(|| name(NAME_LEAST))
                .or_else(|| widest(&|_| CELL_LEAST));
            match narrower {
                Some(column) => widths[column] -= 1,
                None => break,
            }
        }
        let room = if beside { screen - total(&widths) } else { screen - INDENT };
        Layout { widths, beside, room: Some(room) }
    }

    /// The longest word of each column, as `longest` parts them; of names all.
    fn longest_words(&self, longest: fn(&str) -> usize) -> Vec<usize> {
        let mut words: Vec<_> = self.headings.iter().map(|text| longest(text)).collect();
        for row in &self.rows {
            for (index, (most, (_, cell))) in words.iter_mut().zip(&row.cells).enumerate() {
                let word = if self.names == Some(index) { width(cell) } else { longest(cell) };
                *most = (*most).max(word);
            }
        }
        words
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
            if self.names != Some(index) {
                columns.push(lines(cell, room).into_iter().map(|line| (*tone, line)).collect());
                continue;
            }
            let name = (*tone, cell.clone());
            if room.is_none_or(|room| width(cell) <= room) {
                columns.push(vec![name]);
            } else {
                self.write_above(text, layout, columns, name);
                columns = vec![Vec::new(); index + 1];
            }
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

    /// Writes a name that is wider than its column, behind the columns before it if the screen is
    /// wide enough, else below them.
    fn write_above(
        &self,
        text: &mut String,
        layout: &Layout,
        mut before: Vec<Vec<Toned>>,
        name: Toned,
    ) {
        let widths = layout.widths.iter().take(before.len());
        let taken = widths.map(|width| width + GAP).sum::<usize>() + width(&name.1);
        if before.is_empty() || self.screen.room().is_none_or(|room| taken <= room) {
            before.push(vec![name]);
            self.write(text, &layout.widths, &before);
        } else {
            self.write(text, &layout.widths, &before);
            self.write(text, &[], &[vec![name]]);
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
                        // Not as the width of a format, which is 65,535 at most.
                        text.extend(std::iter::repeat_n(' ', pending));
                        text.push_str(&paint.tone(*tone, cell));
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
        let mut rows = Rows::new(screen, &["JOB", "STATE"]).naming(0).beside("DETAIL").brief(2);
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
    fn a_name_that_has_no_room_has_a_line_of_its_own() {
        let name = "a-job-with-a-name-of-sixty-letters-for-the-second-studio-yes";
        let text = |width| {
            let screen = Screen { width: Some(width), color: false };
            let mut rows = Rows::new(screen, &["JOB", "STATE", "NEXT"]).naming(0);
            rows.add([name, "idle", "Sat 02:30 +01:00 (in 13 h)"].map(String::from).map(plainly));
            rows.add(["b", "idle", "-"].map(String::from).map(plainly));
            rows.text()
        };
        let lines = text(60);
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines[1], name);
        let begin = lines[0].find("STATE").unwrap();
        assert!(lines[2].starts_with(' ') && lines[2].find("idle") == Some(begin), "{lines:?}");
        assert!(lines[3].starts_with("b ") && lines[3].find("idle") == Some(begin), "{lines:?}");
        assert!(text(120).lines().nth(1).unwrap().starts_with(&format!("{name}  idle")));
    }

    #[test]
    fn a_name_is_whole_whichever_column_it_stands_in_and_however_wide_it_is() {
        for name in ["long-".repeat(6), "long-".repeat(30)] {
            let screen = Screen { width: Some(60), color: false };
            let headings = ["RUN", "JOB", "SCHEDULED", "CREATED", "STATE"];
            let mut rows = Rows::new(screen, &headings).naming(1);
            let times = ["Fri 2026-11-27 23:58 +01:00"; 2];
            rows.add(
                ["22894cb2", &name, times[0], times[1], "idle"].map(String::from).map(plainly),
            );
            let text = rows.text();
            let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with("22")).collect();
            let (names, rest) = lines.split_at(if name.len() > 50 { 2 } else { 1 });
            assert_eq!(names.join("  "), format!("22894cb2  {name}"), "{text}");
            assert!(rest[0].starts_with(' ') && rest[0].contains("idle"), "{text}");
        }
    }

    #[test]
    fn where_room_is_scarce_a_time_is_parted_from_its_offset_before_a_name_moves() {
        let screen = Screen { width: Some(60), color: false };
        let headings = ["RUN", "JOB", "SCHEDULED", "CREATED", "TOOK", "STATE"];
        let mut rows = Rows::new(screen, &headings).naming(1);
        let cells =
            ["22894cb2", "nightly", "manual", "2026-11-27 23:58:00 +01:00", "755 ms", "succeeded"];
        rows.add(cells.map(|text| plainly(text.to_owned())));
        let text = rows.text();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let told: Vec<String> = text.lines().skip(1).map(words).collect();
        assert_eq!(told[0], "22894cb2 nightly manual 2026-11-27 755 ms succeeded", "{text}");
        assert_eq!(told[1..], ["23:58:00", "+01:00"], "{text}");
    }

    #[test]
    fn a_date_is_broken_before_its_time_and_not_within() {
        let screen = Screen { width: Some(60), color: false };
        let mut rows = Rows::new(screen, &["RUN", "JOB", "SCHEDULED", "CREATED", "TOOK", "STATE"]);
        rows = rows.naming(1);
        let (due, created) = ("2026-11-27 23:58", "2026-11-27 23:58:00");
        let cells = ["22894cb2", "every-minute", due, created, "208 ms", "timed out"];
        rows.add(cells.map(|text| plainly(text.to_owned())));
        let text = rows.text();
        assert_eq!(text.matches("2026-11-27").count(), 2, "{text}");
        assert!(text.contains("23:58:00") && text.lines().all(|line| super::width(line) <= 60));
    }

    #[test]
    fn remarks_stand_beneath_their_row_where_there_is_not() {
        let beneath = "JOB      STATE\nnightly  waiting\n  for a slot\n日本     idle\n";
        assert_eq!(table(Some(53)), beneath);
    }

    #[test]
    fn a_cell_may_be_of_any_length_where_there_is_no_width() {
        let mut rows = Rows::new(Screen { width: None, color: false }, &["NAME", "STATE"]);
        rows.add(["x".repeat(100_000), "idle".to_owned()].map(plainly));
        rows.add(["y", "idle"].map(String::from).map(plainly));
        let text = rows.text();
        let ends: Vec<_> = text.lines().skip(1).map(|line| line.find("idle")).collect();
        assert_eq!(ends, [Some(100_002); 2]);
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_long_remarks_end_early() {
        for width in 60..140 {
            let screen = Screen { width: Some(width), color: false };
            let mut rows =
                Rows::new(screen, &["JOB", "STATE", "LAST"]).naming(0).beside("DETAIL").brief(2);
            let name = "long-".repeat(20);
            rows.add([name.clone(), "waiting".to_owned(), "word ".repeat(20)].map(plainly));
            rows.remark(Tone::Plain, "日本語の reason ".repeat(40));
            let text = rows.text();
            for line in text.lines().filter(|line| *line != name) {
                assert!(super::width(line) <= usize::from(width), "{width}: {line}");
            }
            assert!(text.contains('…'), "{text}");
        }
    }

    fn plainly(text: String) -> Toned {
        (Tone::Plain, text)
    }
}
