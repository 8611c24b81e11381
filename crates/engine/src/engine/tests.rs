//! Tests of the engine, step by step. Whole lives under faults are left to the simulation.

mod admission;
mod alerts;
mod causes;
mod digests;
mod evidence;
mod handover;
mod held_back;
mod identity;
mod listing;
mod lives;
mod looks;
mod near_misses;
mod occurrences;
mod overlap;
mod pauses;
mod receipts;
mod reload;
mod repeat;
mod stage;
mod starting;
mod statuses;
mod stuck;
mod time;
mod unrecorded;
mod unsearched;
mod vanished;
