//! The simulated agent: a pure, seeded world on the engine's types, an HTTP and WebSocket server
//! on it, and the rehearsal that plays a user's own job file against it in virtual time.

pub mod convert;
pub mod rehearsal;
pub mod server;
pub mod world;
