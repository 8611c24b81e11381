//! The machine that a daemon runs on, as described to the engine.

use uuid::Uuid;

use crate::core::engine::Host;

/// This machine. Its id makes jitter differ between machines, and stay the same on one.
pub fn host() -> Host {
    const NAMESPACE: Uuid = Uuid::from_u128(0x3d9e_0b52_0c17_4d0e_8a6b_51a4_4f6a_9c03);
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_else(|_| hostname.clone());
    let (jitter_seed, _) = Uuid::new_v5(&NAMESPACE, id.trim().as_bytes()).as_u64_pair();
    Host { hostname, jitter_seed }
}
