//! Presents answers to people: words for times and sizes, colors, tables, runs.

pub mod changes;
pub mod fit;
pub mod job;
pub mod paint;
pub mod paragraph;
pub mod run;
pub mod status;
pub mod table;
pub mod totals;

pub use crate::words;

#[cfg(test)]
mod tests;
