//! The simulated agent: a pure, seeded world on the engine's types, an HTTP and WebSocket server
//! on it, the deterministic simulation that runs the engine against it in virtual time, and the
//! rehearsal that does so with a user's own job file.

pub mod harness;
pub mod rehearsal;
pub mod server;
pub mod world;
