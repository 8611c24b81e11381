//! The page for people: problems first, then running transfers, each job, and coming occurrences; a
//! page for each run; a calendar.
//!
//! All of it is written by the server and readable without JavaScript; with it, the page follows
//! the stream and replaces its parts by what the server sends. [`html`] keeps text from being
//! markup, [`document`] is the file around it and what browsers may load, [`front`] and [`run`] are
//! the two pages, [`problems`], [`running`], [`jobs`], [`coming`] and [`latest`] the parts of the
//! first; [`foresight`] rehearses the coming day.

mod calendar;
mod coming;
mod days;
mod document;
mod foresight;
mod front;
mod html;
mod jobs;
mod latest;
mod problems;
mod run;
mod running;
mod strip;

pub(super) use calendar::calendar;
pub(super) use days::PastDays;
pub(super) use foresight::Foresight;
pub(super) use front::front;
pub(super) use run::run;
