//! Schedules: the meaning of crontab(5) text, and the instants at which it fires in a zone.
//!
//! `parse`, `field`, `dialect_hints` and `unsatisfiable` turn text into a [`Schedule`] or a worded
//! error; `wall_clock` steps over wall-clock values by the `cron` crate; `zone` knows a zone's
//! changes; `rule` joins the two by the contract's rule for the hours that a change removes or
//! repeats; `timetable` is all of a job's schedules in its zone; `coming` those of several
//! jobs together. Reads no clock: time is an argument.

mod coming;
mod dialect_hints;
mod dst_effects;
mod error;
mod field;
mod parse;
mod rule;
mod timetable;
mod unsatisfiable;
mod wall_clock;
mod warnings;
mod zone;

#[cfg(test)]
mod tests;

pub use coming::{Occurring, coming, firsts};
pub use dst_effects::{DstEffect, DstEffectKind};
pub use error::{ScheduleError, ScheduleWarning};
pub use parse::{Schedule, TEXT_MAX};
pub use timetable::{Missed, Timetable};
pub use zone::instant_of;
