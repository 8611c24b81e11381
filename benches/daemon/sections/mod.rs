//! The measurements, section by section.

mod burst;
mod detection;
mod growth;
mod idle;
mod list;
mod past;
mod peers;
mod start;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::table::Row;

/// A part of the measurement that can be asked for by its name.
pub(crate) struct Section {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) title: &'static str,
    /// Takes its figures.
    pub(crate) measure: fn(&Arguments) -> Result<Vec<Row>, Failure>,
}

/// All sections, in the order of the table.
pub(crate) fn all() -> [Section; 8] {
    [
        Section { name: "idle", title: "Idle, nightly jobs", measure: idle::measure },
        Section { name: "start", title: "Start, reload, stop", measure: start::measure },
        Section { name: "burst", title: "Many jobs due in one second", measure: burst::measure },
        Section {
            name: "detection",
            title: "From a transfer's end to the run's",
            measure: detection::measure,
        },
        Section { name: "past", title: "A large history", measure: past::measure },
        Section { name: "list", title: "A list that grows fast", measure: list::measure },
        Section { name: "peers", title: "The same jobs by other means", measure: peers::measure },
        Section {
            name: "growth",
            title: "Growth over jobs and runs in flight",
            measure: growth::measure,
        },
    ]
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of a measurement are far below 2^52")]
pub(crate) fn figure(count: u64) -> f64 {
    count as f64
}
