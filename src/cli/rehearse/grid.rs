//! The cells of the timeline: equal spans of the wall clock, few enough for a line, and the ruler
//! above them.

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::sim::rehearsal::limits::CELLS_MAX;

/// The possible widths of a cell, in hours; the first that gives few enough is used.
const WIDTHS: [i64; 18] =
    [1, 2, 3, 4, 6, 12, 24, 48, 72, 96, 120, 168, 240, 336, 672, 1_344, 2_184, 4_368];

/// Hours of a day.
const DAY: i64 = 24;

/// The cells of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The starts of the cells, in order; the first at the rehearsal's start or before.
    pub(super) starts: Vec<Timestamp>,
    /// The span of a cell, in words.
    pub(super) cell: String,
    /// The line above the cells.
    pub(super) ruler: String,
}

impl Grid {
    /// A grid of at most `most` cells from `from` to `until`, aligned to hours and days of `zone`.
    pub(super) fn new(from: Timestamp, until: Timestamp, zone: &TimeZone, most: usize) -> Self {
        let most = most.min(CELLS_MAX);
        let mut last = Vec::new();
        for hours in WIDTHS {
            let cells = cells(from, until, zone, hours);
            if cells.len() <= most {
                let (starts, walls): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
                return Self { starts, cell: words(hours), ruler: ruler(&walls, hours) };
            }
            last = cells;
        }
        // Wider than the widest: the bound on days keeps this from being reached.
        last.truncate(most);
        let (starts, walls): (Vec<_>, Vec<_>) = last.into_iter().unzip();
        Self { starts, cell: words(WIDTHS[WIDTHS.len() - 1]), ruler: ruler(&walls, DAY) }
    }
}

/// Cells of this many hours, or one more than allowed.
fn cells(
    from: Timestamp,
    until: Timestamp,
    zone: &TimeZone,
    hours: i64,
) -> Vec<(Timestamp, DateTime)> {
    let midnight = zone.to_datetime(from).date().to_datetime(jiff::civil::Time::midnight());
    let mut cells = Vec::new();
    for number in 0.. {
        // On the wall clock: a day with a change of the clocks has as many cells as any other.
        let Ok(wall) = midnight.checked_add((hours * number).hours()) else { break };
        let Ok(start) = zone.to_timestamp(wall) else { break };
        if start >= until || cells.len() > CELLS_MAX {
            break;
        }
        if start <= from {
            cells.clear();
        }
        cells.push((start, wall));
    }
    cells
}

fn words(hours: i64) -> String {
    match hours {
        1 => "an hour".to_owned(),
        2..DAY => format!("{hours} hours"),
        DAY => "a day".to_owned(),
        168 => "a week".to_owned(),
        336 | 672 | 1_344 | 2_184 | 4_368 => format!("{} weeks", hours / 168),
        _ => format!("{} days", hours / DAY),
    }
}

/// Labels above their cells, as many as fit with a blank between.
fn ruler(walls: &[DateTime], hours: i64) -> String {
    let mut ruler = String::new();
    let mut month = None;
    for (position, wall) in walls.iter().enumerate() {
        let Some(label) = label(*wall, hours, position == 0, month) else { continue };
        let used = ruler.chars().count();
        let fits = position == 0 || used < position;
        if !fits || position + label.len() > walls.len().max(label.len()) {
            continue;
        }
        ruler.push_str(&" ".repeat(position - used));
        ruler.push_str(&label);
        month = Some(wall.month());
    }
    ruler
}

/// The label of a cell, if it has one.
fn label(wall: DateTime, hours: i64, first: bool, month: Option<i8>) -> Option<String> {
    let midnight = wall.hour() == 0;
    let monday = wall.weekday() == Weekday::Monday;
    let form = match hours {
        _ if first => "%b %-d",
        1 if midnight => "%b %-d",
        1 if wall.hour() % 6 == 0 => "%H",
        2..=3 if midnight => "%b %-d",
        4..=6 if midnight => "%a",
        7..DAY if midnight && monday => "%b %-d",
        DAY if monday && month == Some(wall.month()) => "%-d",
        DAY if monday => "%b %-d",
        _ if hours > DAY => "%b %-d",
        _ => return None,
    };
    Some(wall.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(from: &str, days: i64) -> Grid {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let from: Timestamp = from.parse().unwrap();
        let until = from.to_zoned_datetime(zone.clone()).checked_add(days.days()).unwrap();
        Grid::new(from, until.timestamp(), &zone, CELLS_MAX)
    }

    #[test]
    fn a_month_has_a_cell_a_day_across_a_change_of_the_clocks() {
        let grid = grid("2027-03-01T00:00:00+01:00", 30);
        assert_eq!(grid.starts.len(), 30);
        assert_eq!(grid.ruler, "Mar 1  8      15     22     29");
        assert_eq!(grid.cell, "a day");
        let last = grid.starts[28].to_string();
        assert_eq!(last, "2027-03-28T22:00:00Z");
    }

    #[test]
    fn the_first_cell_holds_the_start_and_no_grid_is_too_wide() {
        for days in [1, 2, 3, 5, 7, 10, 14, 30, 31, 32, 90, 365, 3_660] {
            let from = "2026-11-25T10:27:00+01:00";
            let grid = grid(from, days);
            let start: Timestamp = from.parse().unwrap();
            assert!(grid.starts.len() <= CELLS_MAX, "{days} days");
            assert!(grid.starts[0] <= start && grid.starts[1] > start, "{days} days");
            assert!(grid.ruler.chars().count() <= grid.starts.len().max(6), "{days} days");
        }
        assert_eq!(grid("2026-11-25T10:27:00+01:00", 1).ruler, "Nov 25  18    Nov 26");
        assert_eq!(grid("2026-11-25T10:27:00+01:00", 365).cell, "2 weeks");
    }
}
