//! The simulated agent over real HTTP and WebSocket, on the real clock: `transferd sim`, the
//! agent of `transferd demo`, and the other end of integration tests.
//!
//! All behaviour is the world's; this module is transport: sockets that die on demand, JSON in the
//! forms the vendor uses, and the admin routes under `/_sim`, which are not part of the API.

mod admin;
mod api;
mod connection;
mod dates;
mod notifications;
mod running;
mod shared;
mod wire;

#[cfg(test)]
mod tests;

pub use running::{Sim, SimHandle, SimOptions};
pub use shared::SeenRequest;
