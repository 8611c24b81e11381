//! Properties of every input that comes from outside, whatever it is: each reader takes it or
//! refuses it with words, and what it takes means the same when it is printed and read again.
//!
//! Each module has the properties of one kind of input, as functions that panic where one does
//! not hold. They stand here once and are tried twice: by the fuzz targets beside, and by
//! `tests/properties` under proptest on every `cargo test`. How inputs are made is not known here.

#![forbid(unsafe_code)]

pub mod agent_answer;
pub mod command_line;
pub mod control;
pub mod duration;
pub mod job_file;
pub mod notification;
pub mod schedule;
pub mod stored_row;
pub mod template;
