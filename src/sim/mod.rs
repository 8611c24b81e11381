//! The simulated agent: a pure, seeded world on the engine's types, an HTTP and WebSocket server
//! on it, and the deterministic simulation that runs the engine against it in virtual time.

pub mod harness;
pub mod server;
pub mod world;
