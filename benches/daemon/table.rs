//! The table: figures in aligned columns, as Markdown.

use std::fmt;

use crate::statistics::median;

/// A figure, taken several times.
#[derive(Debug)]
pub(crate) struct Row {
    figure: String,
    unit: &'static str,
    values: Vec<f64>,
    budget: Option<f64>,
}

impl Row {
    /// A figure without a budget.
    pub(crate) fn new(figure: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self { figure: figure.into(), unit, values, budget: None }
    }

    /// As it is, with the most that it may be.
    pub(crate) fn at_most(self, budget: f64) -> Self {
        Self { budget: Some(budget), ..self }
    }
}

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Table {
    machine: String,
    lines: Vec<[String; 5]>,
}

const HEAD: [&str; 5] = ["figure", "median", "from … to (runs)", "budget", "met"];

impl Table {
    /// A table of this machine.
    pub(crate) fn new(machine: String) -> Self {
        Self { machine, lines: Vec::new() }
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, title: &str) {
        self.lines.push([format!("**{title}**"), "".into(), "".into(), "".into(), "".into()]);
    }

    /// Adds a figure.
    pub(crate) fn add(&mut self, row: Row) {
        let Row { figure, unit, values, budget } = row;
        let Some(middle) = median(&values) else {
            return self.lines.push([figure, "not taken".into(), "".into(), "".into(), "".into()]);
        };
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range = format!("{} … {} ({})", number(least), number(most), values.len());
        let met = budget.map_or("", |budget| if middle <= budget { "yes" } else { "**no**" });
        let budget = budget.map(|budget| with_unit(budget, unit)).unwrap_or_default();
        self.lines.push([figure, with_unit(middle, unit), range, budget, met.to_owned()]);
    }

    /// Says why a section ends early, or what could not be had.
    pub(crate) fn add_failure(&mut self, words: &str) {
        let words = words.replace(['\n', '|'], " ");
        self.lines.push([words, "not taken".into(), "".into(), "".into(), "".into()]);
    }

    /// Says what else the machine did during the section.
    pub(crate) fn note_load(&mut self, load: &str) {
        let figure = "load of the machine over the last 1 and 5 min, at the section's end";
        self.lines.push([figure.into(), load.to_owned(), "".into(), "".into(), "".into()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = HEAD.map(str::to_owned);
        let all = || std::iter::once(&head).chain(&self.lines);
        let width = |column: usize| {
            all().map(|line| line[column].chars().count()).max().unwrap_or_default()
        };
        let widths = [0, 1, 2, 3, 4].map(width);
        writeln!(f, "On {}.\n", self.machine)?;
        for (number, line) in all().enumerate() {
            for (text, width) in line.iter().zip(widths) {
                write!(f, "| {text:<width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for width in widths {
                    write!(f, "| {} ", "-".repeat(width))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() { number(value) } else { format!("{} {unit}", number(value)) }
}

/// Three figures of it are enough.
fn number(value: f64) -> String {
    if value == value.trunc() || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
