//! The engine's turns, told one by one. Whole lives under faults are the simulation's business.

mod admission;
mod identity;
mod lives;
mod stage;
mod time;
