//! The engine's turns, told one by one. Whole lives under faults are the simulation's business.

mod admission;
mod alerts;
mod causes;
mod digests;
mod evidence;
mod identity;
mod listing;
mod lives;
mod occurrences;
mod overlap;
mod receipts;
mod reload;
mod repeat;
mod stage;
mod starting;
mod statuses;
mod stuck;
mod time;
mod unrecorded;
